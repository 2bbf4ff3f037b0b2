"""Installs npm and Python packages for clients, each in a folder of its own and never in the project's environment."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from stage.node import NoNodeError, found, install

from tests.clients.real.client import CannotInstallError


def with_npm(folder: Path, packages: Mapping[str, str]) -> None:
    """Raises CannotInstallError."""
    folder.mkdir(parents=True, exist_ok=True)
    wanted = json.dumps({"private": True, "type": "module", "dependencies": dict(packages)}, indent=1)
    (folder / "package.json").write_text(wanted)
    try:
        for _, npm in found():
            install(folder, npm)
            return
    except NoNodeError as error:
        raise CannotInstallError(str(error)) from error
    raise CannotInstallError("there is no Node.js")


def node() -> str:
    """Raises CannotInstallError."""
    for path, _ in found():
        return path
    raise CannotInstallError("there is no Node.js")


def with_pip(folder: Path, requirements: Sequence[str]) -> None:
    """Raises CannotInstallError."""
    note = folder / "installed.txt"
    wanted = "\n".join(requirements)
    if note.exists() and note.read_text() == wanted:
        return
    _run([sys.executable, "-m", "venv", "--clear", str(folder)])
    pip = [str(folder / "bin" / "python"), "-m", "pip", "install", "-q", "--disable-pip-version-check"]
    _run([*pip, *requirements])
    note.write_text(wanted)


def _run(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, timeout=900, check=False)
    if done.returncode:
        raise CannotInstallError(" ".join(done.stderr.split())[-400:])
