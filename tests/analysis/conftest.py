"""The first call of an expression is slower than the others: no deadline for single examples."""

from hypothesis import settings

settings.register_profile("expressions", deadline=None, max_examples=60, derandomize=True)
settings.load_profile("expressions")
