"""The gateways of this user that run here: what is told of them, which one is meant, and how they are ended."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

from aigw.books.recent_rows import count
from aigw.books.usage_file import FILE_NAME
from aigw.cli.sources.address_probe import aigw_at
from aigw.server.process_start import start_of
from aigw.server.register import Entry, running
from aigw.stores.sqlite_file import FileError

POLL_SECONDS = 0.05
_LOCAL = ("127.0.0.1", "localhost", "::1", "0.0.0.0", "::")  # noqa: S104


class GatewayStatus(NamedTuple):
    """A gateway and its state. `answers` says whether it answers now. `requests` is how many requests have come since
    its start to gateways with its state folder, None if its usage cannot be read."""

    entry: Entry
    answers: bool
    requests: int | None


def gateways(env: Mapping[str, str]) -> list[GatewayStatus]:
    """Returns all gateways of this user, the oldest first. Raises OSError if the register cannot be trusted."""
    return [GatewayStatus(entry, _answers(entry), _requests(entry)) for entry in running(env)]


def _answers(entry: Entry) -> bool:
    parts = urlsplit(entry.url)
    return bool(aigw_at(parts.hostname or "", parts.port or 0))


def _requests(entry: Entry) -> int | None:
    try:
        return count(Path(entry.state, FILE_NAME), entry.since) or 0 if entry.state else None
    except (FileError, OSError):
        return None


def with_state(entries: Sequence[Entry], state: Path) -> list[Entry]:
    """Returns the gateways whose state folder this is."""
    wanted = os.path.realpath(state)
    return [entry for entry in entries if entry.state and os.path.realpath(entry.state) == wanted]


def named(entries: Sequence[Entry], name: str) -> list[Entry]:
    """Returns the gateways with this process id or, if there are none, with this port or address."""
    if name.isdecimal():
        by_pid = [entry for entry in entries if entry.pid == int(name)]
        return by_pid or [entry for entry in entries if urlsplit(entry.url).port == int(name)]
    return at_address(entries, name)


def at_address(entries: Sequence[Entry], address: str) -> list[Entry]:
    """Returns the gateways that listen at a URL or an address, under whichever of its names it calls this machine."""
    with contextlib.suppress(ValueError):
        wanted = urlsplit(address if "://" in address else f"//{address}")
        return [entry for entry in entries if _is_at(entry, wanted.hostname or "127.0.0.1", wanted.port)]
    return []


def _is_at(entry: Entry, host: str, port: int | None) -> bool:
    own = urlsplit(entry.url)
    return own.port == port and (own.hostname == host or (own.hostname in _LOCAL and host in _LOCAL))


def end(entries: Sequence[Entry], seconds: float) -> list[Entry]:
    """Asks gateways to end as Ctrl-C does, and waits. Returns those that have not ended after `seconds`."""
    with contextlib.ExitStack() as stack:
        asked = [(entry, stack.enter_context(_asked(entry))) for entry in entries]
        until = time.monotonic() + seconds
        return [entry for entry, handle in asked if not _ended(entry, handle, until)]


@contextlib.contextmanager
def _asked(entry: Entry) -> Iterator[int | None]:
    """Sends the signal to exactly the process of the entry, by a handle if the system has them."""
    handle = None
    if sys.platform == "linux":
        with contextlib.suppress(OSError):
            handle = os.pidfd_open(entry.pid)
    try:
        if start_of(entry.pid) == entry.start:
            with contextlib.suppress(ProcessLookupError):
                if handle is not None:
                    signal.pidfd_send_signal(handle, signal.SIGTERM)
                else:
                    os.kill(entry.pid, signal.SIGTERM)
        yield handle
    finally:
        if handle is not None:
            os.close(handle)


def _ended(entry: Entry, handle: int | None, until: float) -> bool:
    while start_of(entry.pid) == entry.start:
        left = until - time.monotonic()
        if left <= 0:
            return False
        _wait(handle, left)
    return True


def _wait(handle: int | None, seconds: float) -> None:
    if sys.platform == "linux" and handle is not None:
        import select

        poll = select.poll()
        poll.register(handle, select.POLLIN)
        poll.poll(seconds * 1000)
    else:
        time.sleep(min(seconds, POLL_SECONDS))
