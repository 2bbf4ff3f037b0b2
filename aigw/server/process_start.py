"""Tells a process from a later one that has the same number."""

from __future__ import annotations

import subprocess
import sys
from functools import cache
from hashlib import blake2b
from pathlib import Path

_STATE, _START = 0, 19
"""Fields of /proc/PID/stat, counted behind the name of the program (man 5 proc)."""
_ENDED = b"ZX"
PS = "/bin/ps"
PS_SECONDS = 5.0


def start_of(pid: int) -> str:
    """Returns when the process with this id began, in a form of the system. "" if there is no such process, if it has
    ended and its parent has not noticed yet, or if the system does not say."""
    if sys.platform == "win32" or pid <= 0:
        return ""
    return _start_in_proc(pid) if sys.platform == "linux" else start_by_ps(pid)


def _start_in_proc(pid: int) -> str:
    try:
        fields = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()
    except OSError:
        return ""
    return "" if len(fields) <= _START or fields[_STATE] in _ENDED else fields[_START].decode("ascii", "replace")


def start_by_ps(pid: int, program: str = PS) -> str:
    """As `start_of`, on a system without /proc. Each column is an option of its own: behind the first `=`, POSIX and
    macOS take the rest of an option as the heading. The time is UTC, so that it stays when a laptop travels."""
    command = [program, "-o", "stat=", "-o", "lstart=", "-p", str(pid)]
    env = {"LC_ALL": "C", "TZ": "UTC0"}
    try:
        done = subprocess.run(command, capture_output=True, env=env, timeout=PS_SECONDS, check=False)  # noqa: S603
    except (OSError, subprocess.SubprocessError):
        return ""
    state, _, start = done.stdout.decode("ascii", "replace").strip().partition(" ")
    return "" if state.startswith("Z") else start.strip()


@cache
def numbering() -> str:
    """Names the start of the machine and the container, which number their processes anew."""
    known = [_read("/proc/sys/kernel/random/boot_id"), _inode("/proc/self/ns/pid")]
    return blake2b(" ".join(known).encode(), digest_size=6).hexdigest()


def _read(path: str) -> str:
    try:
        return Path(path).read_text(encoding="ascii", errors="replace").strip()
    except OSError:
        return ""


def _inode(path: str) -> str:
    try:
        return str(Path(path).stat().st_ino)
    except OSError:
        return ""
