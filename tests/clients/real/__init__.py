"""Real clients in front of the gateway. The stage of the end-to-end tests is theirs, too."""

import sys
from pathlib import Path

_TESTS = Path(__file__).parents[2]
sys.path[:0] = [str(_TESTS / "e2e"), str(_TESTS / "support")]
