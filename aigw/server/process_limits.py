"""What the system allows this process: open files (`ulimit -n`) and address space (`ulimit -v`).

Rule: a limit is checked before it is reached, because libraries end the process without a reason when memory or
descriptors run out in the middle of their work."""

from __future__ import annotations

import errno
import mmap
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from aigw.core.errors import GatewayError

if sys.platform != "win32":
    import resource

MOST_FILES = 65_536
"""No gateway needs more, and some programs are slow where more are allowed."""
RESERVE = 32
"""Descriptors for what is no connection: databases, log files, the event loop, looking up names, look-ups of prices."""
FEWEST_FILES = 48
LEAST_SPACE = 1024 << 20
"""The address space, in bytes, without which aigw does not start: each of its threads reserves 72 MiB, and libraries
and vocabularies take a third."""
OWN_SPACE = 800 << 20
"""How much address space aigw itself takes at most."""
CLIENT_SPACE = 16 << 20
SMALL = 1 << 20
"""Bodies up to this size, in bytes, are within CLIENT_SPACE, and need not be noted."""
COPIES = 8
"""How many copies of a body are in memory at most: its pieces, decoded, as text, written for the provider, for the
cache, ..."""
_SCARCE = (errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ENOBUFS)


def most_files() -> int:
    """How many descriptors this process may have."""
    soft = -1
    if sys.platform != "win32":
        soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        soft = -1 if soft == resource.RLIM_INFINITY else soft
    return MOST_FILES if soft < 0 else soft


def allow_more_files() -> None:
    """Allows this process as many descriptors as its user may have."""
    if sys.platform != "win32":
        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        wanted = MOST_FILES if hard == resource.RLIM_INFINITY else min(hard, MOST_FILES)
        take_most(wanted, most_files(), lambda files: resource.setrlimit(resource.RLIMIT_NOFILE, (files, hard)))


def take_most(wanted: int, have: int, take: Callable[[int], object]) -> None:
    """Takes as many as it gets. macOS names no limit for a user, and refuses more than its own, which differs from Mac
    to Mac: so smaller numbers are tried."""
    while wanted > have:
        try:
            take(wanted)
        except (OSError, ValueError):
            wanted = wanted * 15 // 16
        else:
            return


def most_connections() -> int:
    """How many clients may be connected at once: each may need one more descriptor to a provider, and space for what
    it sends and gets."""
    most = (most_files() - RESERVE) // 2
    if (space := address_space()) is not None:
        most = min(most, (space - OWN_SPACE) // CLIENT_SPACE)
    return max(most, 1)


def address_space() -> int | None:
    """How many bytes of address space this process may have. None means no limit."""
    if sys.platform != "win32":
        soft, _ = resource.getrlimit(resource.RLIMIT_AS)
        if soft != resource.RLIM_INFINITY:
            return soft
    return None


def too_small() -> str:
    """Why aigw cannot run with what it is allowed, with the remedy; empty if it can."""
    files, space = most_files(), address_space()
    if files < FEWEST_FILES:
        return f"this process may open only {files} files; aigw needs {FEWEST_FILES}: raise the limit with ulimit -n"
    if space is not None and space < LEAST_SPACE:
        return (
            f"this process may use only {space >> 20} MiB of address space; aigw needs {LEAST_SPACE >> 20}: "
            f"raise the limit with ulimit -v {LEAST_SPACE >> 10}"
        )
    return ""


class Space:
    """Admits large bodies as long as there is enough address space to work on all of them. Without it, some libraries
    would end the process."""

    def __init__(self) -> None:
        self.held: dict[str, int] = {}
        """The sizes of the large bodies of the requests under way, in bytes."""

    def take(self, id_: str, size: int) -> None:
        """Notes how large the body of a request is. Raises GatewayError 503 if there is no space for it."""
        limit = address_space()
        if limit is None:
            return
        self.held[id_] = size
        with suppress(OSError):  # a system that does not tell
            taken = int(Path("/proc/self/statm").read_bytes().split()[0]) * mmap.PAGESIZE
            if limit - taken < COPIES * sum(self.held.values()):
                raise overloaded()

    def give(self, id_: str) -> None:
        """Call this when the request has ended."""
        self.held.pop(id_, None)


def overloaded() -> GatewayError:
    message = "the gateway has no memory or descriptors left; try again later"
    return GatewayError(503, message, kind="api_error", code="overloaded", headers={"Retry-After": "1"})


def is_scarce(error: BaseException) -> bool:
    """Whether the system had no more memory or descriptors for a request, so that a later one may succeed."""
    if isinstance(error, RuntimeError):
        return str(error) == "can't start new thread"
    return isinstance(error, MemoryError) or (isinstance(error, OSError) and error.errno in _SCARCE)
