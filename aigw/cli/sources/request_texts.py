"""What was said in requests, as a running gateway shows it: it keeps that while somebody looks, redacted, in memory."""

from __future__ import annotations

import http.client
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote, urlsplit

import msgspec

from aigw.cli.sources.gateways import with_state
from aigw.server.register import Entry

SECONDS = 5.0
_PIECE = 65536
_DETAILS, _EVENTS = "/-/requests/", "/-/events"


class Part(msgspec.Struct):
    """A part of a conversation. `answer` is true for what the model said, and false for what was said to it."""

    role: str = ""
    kind: str = ""
    text: str = ""
    name: str = ""
    id: str = ""
    answer: bool = False


class _Details(msgspec.Struct):
    conversation: list[Part] = []


class Gateways(NamedTuple):
    """The gateways that write into one state folder. `key` is the admin_key, "" if none is needed."""

    urls: Sequence[str]
    key: str

    def texts(self, id_: str) -> list[Part]:
        """Returns what was said in a request, or an empty list if no gateway has kept it."""
        for url in self.urls:
            with suppress(OSError, http.client.HTTPException, msgspec.DecodeError, UnicodeDecodeError):
                with self._opened(url, _DETAILS + quote(id_, safe=""), SECONDS) as response:
                    found = msgspec.json.decode(response.read(), type=_Details).conversation
                if found:
                    return found
        return []

    @contextmanager
    def looking(self) -> Iterator[None]:
        """Makes the gateways keep what is said until the block ends, by reading their events as the page does."""
        for url in self.urls:
            threading.Thread(target=self._look, args=(url,), name="events", daemon=True).start()
        yield

    def _look(self, url: str) -> None:
        with suppress(OSError, http.client.HTTPException), self._opened(url, _EVENTS, None) as response:
            while response.read1(_PIECE):
                pass

    @contextmanager
    def _opened(self, url: str, path: str, seconds: float | None) -> Iterator[http.client.HTTPResponse]:
        parts = urlsplit(url)
        connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=seconds)
        headers: dict[str, Any] = {"authorization": f"Bearer {self.key}"} if self.key else {}
        try:
            connection.request("GET", path, headers=headers)
            with connection.getresponse() as response:
                yield response
        finally:
            connection.close()


def gateways_of(entries: Sequence[Entry], state: Path, key: str) -> Gateways:
    return Gateways([entry.url for entry in with_state(entries, state)], key)
