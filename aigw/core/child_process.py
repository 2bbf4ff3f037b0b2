"""How child processes of aigw start, which Ctrl-C must not reach: they end their work, and their parent ends them."""

from __future__ import annotations

import sys
from typing import Any

UNDISTURBED: dict[str, Any]
"""The options of `subprocess.Popen` by which the keys of a terminal do not reach a child."""
if sys.platform == "win32":
    import subprocess

    UNDISTURBED = {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP}
else:
    UNDISTURBED = {"start_new_session": True}
