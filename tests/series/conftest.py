"""The small tables of the analysis tests serve here too."""

import sys
from pathlib import Path

from hypothesis import settings

sys.path.insert(0, str(Path(__file__).parent.parent / "analysis"))
settings.register_profile("expressions", deadline=None, max_examples=60, derandomize=True)
settings.load_profile("expressions")
