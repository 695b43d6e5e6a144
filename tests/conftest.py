"""No deadline for single examples of property tests: a first call imports, and a machine may be busy; laws hold either way."""

from hypothesis import settings

settings.register_profile("steady", deadline=None)
settings.load_profile("steady")
