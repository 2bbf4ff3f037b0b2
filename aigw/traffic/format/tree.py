"""The folders of recordings in a folder: the fixture `aigw` gives each test one of its own.

Rule: who names a folder means all recordings in it, however deep."""

from __future__ import annotations

import os
from pathlib import Path

from aigw.traffic.format.folder import Folder, RecordingError


def below(path: Path) -> list[Folder]:
    """Returns this folder and those in it, as far as they have recordings, ordered by their paths; this one alone if
    none has any. Links and hidden folders are left out. Raises RecordingError if one cannot be read."""
    Folder(path).files()  # says what is wrong with a folder that is none
    found = [folder for folder in map(Folder, _folders(path)) if folder.files()]
    return sorted(found, key=lambda folder: folder.path.parts) or [Folder(path)]


def _folders(path: Path) -> list[Path]:
    found = []
    for place, names, _ in os.walk(path, onerror=_refuse):
        names[:] = [name for name in names if not name.startswith(".") and not (Path(place) / name).is_symlink()]
        found.append(Path(place))
    return found


def _refuse(error: OSError) -> None:
    raise RecordingError(f"{error.filename}: cannot be read: {error.strerror or error}")


def place_of(folder: Folder, root: Path) -> str:
    """Returns what stands before the names of its recordings seen from `root`: "" for this folder itself, else
    `test_agent/test_it/`."""
    place = folder.path.relative_to(root).as_posix()
    return "" if place == "." else f"{place}/"
