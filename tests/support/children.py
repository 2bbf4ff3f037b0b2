"""Processes of a test, of which none outlives it: neither a test that fails, nor one that is ended because it hangs."""

from __future__ import annotations

import ctypes
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

_PARENT_DEATH_SIGNAL = 1
_libc = ctypes.CDLL(None) if sys.platform == "linux" else None


def die_with_parent() -> None:
    """To be called in the child. Linux kills it when the process of the tests ends, however that happens."""
    if _libc is not None:
        _libc.prctl(_PARENT_DEATH_SIGNAL, signal.SIGKILL)


@contextmanager
def children() -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Starts processes as Popen does, and kills those that are left at the end of the block."""
    with ExitStack() as stack:

        def start(command: list[str], **options: Any) -> subprocess.Popen[str]:
            process = subprocess.Popen(command, text=True, **{"preexec_fn": die_with_parent, **options})
            stack.enter_context(process)
            stack.callback(process.kill)
            return process

        yield start
