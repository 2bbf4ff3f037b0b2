"""A child that is not disturbed is in no group that gets the keys of a terminal."""

import os
import subprocess
import sys

from aigw.core.child_process import UNDISTURBED


def test_it_is_in_another_group():
    code = "import os; print(os.getpgrp())"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, **UNDISTURBED)
    assert int(done.stdout) != os.getpgrp()
