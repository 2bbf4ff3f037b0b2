"""What git would ignore: the .gitignore of a folder, of those above it in the same repository, and .git/info/exclude.

Rules: the innermost file that says anything about a path decides. A folder that is named itself is not ignored, and
neither are its files because of it. A pattern that git would not understand is no pattern."""

from __future__ import annotations

import re
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, NamedTuple

from aigw.core.extras import INSTALL_RAG
from aigw.core.retrieval import RetrievalError

if TYPE_CHECKING:
    from pathspec import GitIgnoreSpec
    from pathspec.patterns.gitignore.spec import GitIgnoreSpecPattern


class _Level(NamedTuple):
    """The patterns of one folder. `prefix` is the folder with a slash at its end; patterns are about what stands after
    it."""

    prefix: str
    patterns: tuple[GitIgnoreSpecPattern, ...]


class Ignored:
    """What is ignored in a folder. `inside` returns the same for a folder in it."""

    def __init__(self, levels: tuple[_Level, ...] = ()) -> None:
        self._levels = levels

    @classmethod
    def at(cls, folder: Path) -> Ignored:
        """Makes one for a folder that was named on the command line, with its absolute path."""
        above = list(reversed(folder.parents))
        root = next((number for number in range(len(above), -1, -1) if _is_repository([*above, folder][number])), None)
        if root is None:
            return cls().inside(folder)
        ignored = cls(_level([*above, folder][root], ".git/info/exclude"))
        for each in above[root:]:
            if ignored.has(each, is_folder=True):
                return cls().inside(folder)
            ignored = ignored.inside(each)
        return cls().inside(folder) if ignored.has(folder, is_folder=True) else ignored.inside(folder)

    def inside(self, folder: Path) -> Ignored:
        more = _level(folder, ".gitignore")
        return Ignored(self._levels + more) if more else self

    def has(self, path: Path, *, is_folder: bool) -> bool:
        for prefix, patterns in reversed(self._levels):
            below = str(path)[len(prefix) :]
            if below and (said := _verdict(patterns, below + "/" * is_folder)) is not None:
                return said
        return False


def _is_repository(folder: Path) -> bool:
    return (folder / ".git").exists()


def _level(folder: Path, name: str) -> tuple[_Level, ...]:
    try:
        lines = (folder / name).read_bytes().decode(errors="replace").removeprefix("\ufeff").split("\n")
    except OSError:
        return ()
    patterns = tuple(pattern for line in lines if (pattern := _pattern(line.rstrip("\r"))) is not None)
    return (_Level(f"{str(folder).rstrip('/')}/", patterns),) if patterns else ()


def glob(pattern: str) -> GitIgnoreSpec | None:
    """Returns the matcher of a glob, which also matches everything in folders that the glob matches. None if the glob
    is not valid."""
    try:
        matching: GitIgnoreSpec = _pathspec().GitIgnoreSpec.from_lines([f"/{pattern}"])
    except (ValueError, re.error):  # re.error: a range that ends before it begins
        return None
    return matching


def _pattern(line: str) -> GitIgnoreSpecPattern | None:
    try:
        pattern: GitIgnoreSpecPattern = _pathspec().patterns.gitignore.spec.GitIgnoreSpecPattern(line)
    except (ValueError, re.error):  # re.error: a range that ends before it begins
        return None
    return pattern if pattern.include is not None else None


def _pathspec() -> ModuleType:
    try:
        import pathspec.patterns.gitignore.spec
    except ModuleNotFoundError:
        raise RetrievalError(f"the package pathspec is missing: {INSTALL_RAG}") from None
    return pathspec


def _verdict(patterns: tuple[GitIgnoreSpecPattern, ...], path: str) -> bool | None:
    """Returns what the last matching pattern says about a path. The path of a folder ends with a slash.

    A pattern also matches all that is in a folder, with a group where the path goes on after the folder. Git matches
    only the folder itself, and then does not enter it."""
    for pattern in reversed(patterns):
        found = pattern.match_file(path)
        if found and (found.match.groupdict().get("ps_d") is None or found.match.end("ps_d") == len(path)):
            return bool(pattern.include)
    return None
