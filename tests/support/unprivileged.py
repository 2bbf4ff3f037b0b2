"""Runs something as a user who may not do everything: root is not stopped by the modes of files."""

import os
import shutil
import tempfile
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

NOBODY = 65534


def unprivileged(act: Callable[[], bool]) -> bool:
    """What `act` returns in a process of its own. If it raises, that is printed and counts as False."""
    child = os.fork()
    if child == 0:
        try:
            if os.geteuid() == 0:
                os.setgid(NOBODY)
                os.setuid(NOBODY)
            os._exit(0 if act() else 1)
        except BaseException:  # noqa: BLE001 - the child must not go on as a second run of the tests
            traceback.print_exc()
        finally:
            os._exit(2)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


@contextmanager
def reachable_folder() -> Iterator[Path]:
    """A folder to which everybody has a way, as pytest's have not."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        folder.chmod(0o755)
        shutil.rmtree(folder)
