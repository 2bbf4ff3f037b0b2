"""Files that a configuration is made of, read without waiting and up to a bound."""

from __future__ import annotations

import os
import stat
from pathlib import Path


class NoFileError(Exception):
    """A pipe, a folder or a device stands in the place of a file."""


def content(path: Path, most: int) -> bytes:
    """The beginning of the file: one byte more than `most`, so that who reads it notices a file that is larger. It
    never waits, also if a pipe takes the place of the file between the look and the opening.

    Raises OSError and NoFileError."""
    if not stat.S_ISREG(path.stat().st_mode):
        raise NoFileError
    with os.fdopen(os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0)), "rb") as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise NoFileError
        return file.read(most + 1)
