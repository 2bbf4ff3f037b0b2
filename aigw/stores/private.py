"""Files of the state folder. Only their user can read them; all processes with the same folder share them.

Rule: a link, a pipe, a socket or a device in the place of a file or folder is refused and never opened. Somebody else
has put it there, and writing would follow it, or wait for ever."""

from __future__ import annotations

import contextlib
import os
import stat
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

if sys.platform != "win32":
    import fcntl


REMEDY = "move it away, or choose another folder with state_dir in aigw.yaml"
_OTHERS_MAY_WRITE = 0o022
_LINE_END = ord("\n")
_CAREFULLY = (
    getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0)
    | getattr(os, "O_BINARY", 0)  # Windows would write \r\n
)  # fmt: skip


class StrangeFileError(OSError):
    """Something that aigw did not put there stands in the place of a file or folder. The message names the remedy."""


def make_folder(path: Path) -> None:
    """Makes a folder that only its user can open, and those above it that are missing; git ignores one that is called
    `.aigw`. If others may write to a folder that exists, it is made private, or refused; so is one that belongs to
    somebody else, who may always write, also if root asks. Raises OSError."""
    for missing in [each for each in reversed([path, *path.parents]) if not each.exists()]:
        with contextlib.suppress(FileExistsError):
            missing.mkdir(mode=0o700)
            _keep_out_of_git(missing)
    refuse_strange_folder(path)
    if sys.platform != "win32":  # where the folders of a user are open to no other user
        status = path.lstat()
        refuse_foreign_folder(path)
        if status.st_mode & _OTHERS_MAY_WRITE:
            _make_private(path, status.st_mode)


def _keep_out_of_git(folder: Path) -> None:
    """What is said and spent is nobody's commit, nor are files that change with each request."""
    if folder.name == ".aigw":
        with (
            contextlib.suppress(OSError),
            os.fdopen(open_file(folder / ".gitignore", os.O_WRONLY | os.O_CREAT), "w") as file,
        ):
            file.write("*\n")


def _make_private(path: Path, mode: int) -> None:
    try:
        if mode & stat.S_ISVTX:  # such as /tmp: it is there for everybody
            raise PermissionError
        path.chmod(0o700)
    except PermissionError:
        raise StrangeFileError(
            f"others may write to the folder {path}; make it private (chmod 700), "
            "or choose another folder with state_dir in aigw.yaml"
        ) from None


def refuse_foreign_folder(path: Path) -> None:
    """Raises StrangeFileError if a folder belongs to somebody else, who may write to it whatever its mode is. Without
    this, root would not notice."""
    if sys.platform != "win32":
        status = _status(path)
        if status is not None and status.st_uid != os.geteuid():
            raise StrangeFileError(
                f"others may write to the folder {path}, which belongs to another user; make it yours (chown), or "
                "choose another folder with state_dir in aigw.yaml"
            )


def refuse_strange_folder(path: Path) -> None:
    """Raises StrangeFileError if something that is no folder stands there, also if it leads to one."""
    if (status := _status(path)) is not None and not stat.S_ISDIR(status.st_mode):
        raise StrangeFileError(f"{path} is {_kind(status.st_mode)}, where aigw has a folder; {REMEDY}")


def refuse_strange_file(path: Path) -> None:
    """Raises StrangeFileError if something that is no plain file stands there, also if it leads to one. So does a file
    with a second name, which may be another program's."""
    if (status := _status(path)) is None:
        return
    if not stat.S_ISREG(status.st_mode):
        raise StrangeFileError(f"{path} is {_kind(status.st_mode)}, where aigw has a file; {REMEDY}")
    if status.st_nlink > 1:
        raise StrangeFileError(f"{path} has a second name (a hard link); {REMEDY}")


def _status(path: Path) -> os.stat_result | None:
    try:
        return path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return None


def _kind(mode: int) -> str:
    kinds = (
        (stat.S_ISLNK, "a symbolic link"), (stat.S_ISDIR, "a folder"), (stat.S_ISREG, "a file"),
        (stat.S_ISFIFO, "a pipe"), (stat.S_ISSOCK, "a socket"),
    )  # fmt: skip
    return next((name for is_one, name in kinds if is_one(mode)), "a device")


def open_file(path: Path, flags: int) -> int:
    """Opens a file of ours, and makes it if the flags say so. It never waits. Raises OSError."""
    refuse_strange_file(path)
    file = os.open(path, flags | _CAREFULLY, 0o600)
    if not stat.S_ISREG(os.fstat(file).st_mode):  # it was put there just now
        os.close(file)
        raise StrangeFileError(f"{path} is not a file; {REMEDY}")
    return file


class LineFile:
    """A file to which lines are appended. A batch is one write, so that the lines of several processes never mix. Its
    methods raise OSError."""

    def __init__(self, path: Path) -> None:
        """Makes the file and its folder if they are missing."""
        make_folder(path.parent)
        self._file = open_file(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        self._identity = identity(self._file)
        self._torn = False  # a full disk took a part of a line: the next write must begin a new line

    @property
    def size(self) -> int:
        return os.fstat(self._file).st_size

    def is_at(self, path: Path) -> bool:
        """True if this file still has that name."""
        return identity(path) == self._identity

    def write(self, lines: Sequence[bytes]) -> int:
        """Appends lines, which come without their line ends. Returns how many are in the file now: the first ones, if
        the disk is full. It raises only if none is."""
        data = b"\n" * self._torn + b"".join(line + b"\n" for line in lines)
        done, whole = 0, len(lines)
        try:
            while done < len(data):
                done += os.write(self._file, memoryview(data)[done:])
        except OSError:
            whole = data.count(b"\n", self._torn, done)
            if not whole:
                raise
        finally:
            self._torn = data[done - 1] != _LINE_END if done else self._torn
        return whole

    def close(self) -> None:
        os.close(self._file)


def identity(file: Path | int) -> tuple[int, int] | None:
    """Tells a file from another one that took its name. None if there is no file."""
    try:
        status = os.fstat(file) if isinstance(file, int) else file.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """A lock that one process holds at a time. The system releases it if the process dies. On Windows the gateway has
    one process and there is no lock. Raises OSError."""
    file = open_file(path, os.O_WRONLY | os.O_CREAT)
    try:
        if sys.platform != "win32":
            fcntl.flock(file, fcntl.LOCK_EX)
        yield
    finally:
        os.close(file)
