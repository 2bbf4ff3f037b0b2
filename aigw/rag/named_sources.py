"""Which sources a command line names: files, folders, globs, URLs, and stdin.

Rules: a source that is named itself is always taken. One that is only found, in a folder or by a glob, is left out if
it is hidden, binary, empty, generated or a link, or if git would ignore it. The order is that of the arguments, and in
a folder that of the names."""

from __future__ import annotations

import os
import stat
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple

from aigw.rag.gitignore import Ignored, glob
from aigw.rag.readers.kinds import HEAD, UNREAD, is_binary, is_document

if TYPE_CHECKING:
    from pathspec import GitIgnoreSpec

STDIN = "stdin"
"""The name of a text from stdin, if nobody gives it another one."""
_MAGIC = frozenset("*?[")
_NEVER = frozenset(("node_modules", "__pycache__"))
"""Folders that nobody wrote, and that are often not in a .gitignore."""
_GENERATED = (".svg", ".xpm", ".map", ".min.js", ".min.css", ".lock", "package-lock.json")
"""The endings of generated text files, which nobody reads."""


class NamedSource(NamedTuple):
    """A source. `name` is what a collection calls it: of a file its path from the base folder, or its whole path if it
    is elsewhere. Only files have a `path`."""

    name: str
    kind: Literal["file", "url", "stdin"] = "file"
    path: Path | None = None


class Finding:
    """What was found for the arguments of a command. `problems` are names with the reason why they cannot be read,
    `empty` the folders in which nothing was found. `left_out` counts what was not taken, by why: hidden, ignored,
    generated, binary, empty, link, or the suffix of a document that has no reader."""

    def __init__(self) -> None:
        self.sources: list[NamedSource] = []
        self.problems: list[tuple[str, str]] = []
        self.empty: list[str] = []
        self.left_out: Counter[str] = Counter()
        self.roots: list[tuple[str, GitIgnoreSpec | None]] = []

    def covers(self, name: str) -> bool:
        """Whether a file of this name would have been found if it were still there."""
        if any(_is_in(name, each) for each, _ in self.problems):
            return False
        return any(
            _is_in(name, root) and (pattern is None or pattern.match_file(_below(name, root)))
            for root, pattern in self.roots
        )


def find(arguments: Sequence[str], base: Path, stdin: str = STDIN) -> Finding:
    """Finds the sources. The problems name those that cannot be found. `base` is an absolute path, `stdin` is what
    a text from stdin is called. Raises RetrievalError if a package is missing."""
    finder = _Finder(base, stdin)
    for argument in arguments:
        finder.add(argument)
    return finder.finding


class _Finder:
    def __init__(self, base: Path, stdin: str) -> None:
        self.finding = Finding()
        self._base = base
        self._stdin = stdin
        self._names: set[str] = set()

    def add(self, argument: str) -> None:
        if argument == "-":
            self._take(NamedSource(self._stdin, "stdin"))
        elif "://" in argument:
            self._add_url(argument)
        else:
            self._add_path(argument)

    def _add_url(self, argument: str) -> None:
        url = argument.partition("#")[0]
        if url.lower().startswith(("http://", "https://")):
            self._take(NamedSource(url, "url"))
        else:
            self.finding.problems.append((argument, "only http:// and https:// can be fetched"))

    def _add_path(self, argument: str) -> None:
        path = Path(os.path.abspath(argument))  # noqa: PTH100  links stay as they are named
        try:
            mode = path.stat().st_mode
        except (OSError, ValueError) as error:  # ValueError: a NUL in its name
            if _MAGIC & set(argument):
                self._add_glob(path)
            else:
                self._problem(path, error)
            return
        if stat.S_ISDIR(mode):
            self._add_folder(path, None, path)
        elif stat.S_ISREG(mode):
            self._take(NamedSource(self._name(path), "file", path))
        else:
            self._problem(path, "it is neither a file nor a folder; give - to read stdin")

    def _add_glob(self, path: Path) -> None:
        fixed = next(number for number, part in enumerate(path.parts) if _MAGIC & set(part))
        folder = Path(*path.parts[:fixed])
        if (pattern := glob("/".join(path.parts[fixed:]))) is None:
            self._problem(path, "no file has this name, and it is no valid pattern")
        else:
            self._add_folder(folder, pattern, path)

    def _add_folder(self, folder: Path, pattern: GitIgnoreSpec | None, named: Path) -> None:
        before = len(self.finding.sources)
        root = self._name(folder)
        for path in self._walk(folder, pattern):
            self._take(NamedSource(self._name(path), "file", path))
        self.finding.roots.append((root, pattern))
        if len(self.finding.sources) == before:
            self.finding.empty.append(self._name(named))

    def _walk(self, root: Path, pattern: GitIgnoreSpec | None) -> Iterator[Path]:
        waiting = [(root, Ignored.at(root))]
        prefix = len(str(root).rstrip("/")) + 1
        while waiting:
            folder, ignored = waiting.pop()
            if folder != root:
                ignored = ignored.inside(folder)
            inner = []
            for entry in self._entries(folder):
                path = folder / entry.name
                is_folder = entry.is_dir(follow_symlinks=False)
                if reason := _left_out(entry, path, ignored, is_folder):
                    self.finding.left_out[reason] += 1
                elif is_folder:
                    inner.append((path, ignored))
                elif (pattern is None or pattern.match_file(str(path)[prefix:])) and self._is_readable(path):
                    yield path
            waiting += reversed(inner)

    def _entries(self, folder: Path) -> list[os.DirEntry[str]]:
        try:
            with os.scandir(folder) as entries:
                return sorted(entries, key=lambda entry: entry.name)
        except OSError as error:
            self._problem(folder, error)
            return []

    def _is_readable(self, path: Path) -> bool:
        try:
            with path.open("rb") as file:
                head = file.read(HEAD)
        except OSError as error:
            self._problem(path, error)
            return False
        if reason := "empty" if not head else "binary" if is_binary(head) and not is_document(head) else "":
            self.finding.left_out[reason] += 1
        return not reason

    def _take(self, found: NamedSource) -> None:
        if found.name not in self._names:
            self._names.add(found.name)
            self.finding.sources.append(found)

    def _problem(self, path: Path, why: Exception | str) -> None:
        reason = why if isinstance(why, str) else (why.strerror or "") if isinstance(why, OSError) else str(why)
        self.finding.problems.append((self._name(path), reason))

    def _name(self, path: Path) -> str:
        """A name that is valid text, whatever bytes a file has in its name."""
        here = path.relative_to(self._base) if path.is_relative_to(self._base) else path
        return os.fsencode(here.as_posix()).decode(errors="backslashreplace")


def _left_out(entry: os.DirEntry[str], path: Path, ignored: Ignored, is_folder: bool) -> str:
    """Why something in a folder is left out, "" if it is not."""
    if entry.name.startswith("."):
        return "hidden"
    if entry.is_symlink():
        return "link"
    if (is_folder and entry.name in _NEVER) or ignored.has(path, is_folder=is_folder):
        return "ignored"
    if not is_folder and entry.name.lower().endswith(_GENERATED):
        return "generated"
    if not is_folder and (suffix := path.suffix.lower()) in UNREAD:
        return suffix
    return "" if is_folder or entry.is_file(follow_symlinks=False) else "binary"


def _is_in(name: str, root: str) -> bool:
    if root == ".":
        return name not in (STDIN, "-") and "://" not in name and not name.startswith("/")
    return name == root or name.startswith(root.rstrip("/") + "/")


def _below(name: str, root: str) -> str:
    return name if root == "." else name[len(root.rstrip("/")) + 1 :]
