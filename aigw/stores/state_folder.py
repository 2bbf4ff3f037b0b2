"""The names of all files and folders in the state folder.

Rule: a folder that somebody else has prepared is refused when the gateway starts, and not only at the first write:
a limit whose file cannot be used would let requests pass."""

from __future__ import annotations

from pathlib import Path

from aigw.stores.private import refuse_foreign_folder, refuse_strange_file, refuse_strange_folder
from aigw.stores.sqlite_file import BESIDE

FOLDERS = ("", "cache", "metrics", "rag", "trace")
DATABASES = ("counters.sqlite", "usage.sqlite", "usage-sums.sqlite", "cache/cache.db")
FILES = ("access.jsonl", "access.lock", "prices.json", "metrics/lock", "metrics/dead.json")


def refuse_strange_state(folder: Path) -> None:
    """Looks at all that has a fixed name, and changes nothing. Raises StrangeFileError if a link, a pipe or the like
    stands in the place of one of them, or a folder is somebody else's, and other OSErrors if it cannot
    look."""
    for name in FOLDERS:
        refuse_strange_folder(folder / name)
        refuse_foreign_folder(folder / name)
    for name in (*FILES, *(name + end for name in DATABASES for end in BESIDE)):
        refuse_strange_file(folder / name)


def why_unwritable(folder: Path) -> str:
    """Says what keeps this process from writing into the folder, or from making it; "" if nothing does."""
    import tempfile

    existing = folder
    while not existing.exists():
        existing = existing.parent
    if not existing.is_dir():
        return f"{existing} is not a folder"
    try:
        with tempfile.TemporaryFile(dir=existing):
            return ""
    except OSError as error:
        return f"{existing} cannot be written to: {error.strerror}"
