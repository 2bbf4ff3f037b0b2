"""Hides our keys where a provider quotes them: in errors, in bodies with a content coding, in headers.

Rule: a body that cannot be searched is hidden if it is an error, and passes if the answer has succeeded."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from aigw.core.coded_body import uncoded
from aigw.core.content_coding import Decoding
from aigw.core.errors import UpstreamError, UpstreamFault
from aigw.core.model import Batch, Chunk, raw_of
from aigw.core.redaction import hidden_in, long_ones
from aigw.dialects.bodies import is_coded
from aigw.dialects.reader import MAX_PLAIN

ESCAPED = 8
"""How many bytes an escaped character of a key has at most."""
BEGINNING = 4
"""If this many characters of a key stand at the end of what has arrived, the next piece is waited for."""


class HiddenKeys:
    """Hides keys in a body of which each batch is whole. It is a `Decoder`."""

    def __init__(self, secrets: tuple[bytes, ...]) -> None:
        self._secrets = long_ones(secrets)

    def feed(self, batch: Batch) -> Batch:
        raw = raw_of(batch)
        hidden = hidden_in(raw, self._secrets)
        return batch if hidden is raw else [Chunk(hidden)]

    def end(self) -> Batch:
        return []


class LongError:
    """Hides keys in an error that is too long to be held, and undoes its coding. It is a `Decoder`."""

    def __init__(self, secrets: tuple[bytes, ...], decoding: Decoding | None = None) -> None:
        self._secrets = secrets
        self._decoding = decoding
        self._held = max(map(len, secrets), default=1) - 1
        self._rest = b""

    def feed(self, batch: Batch) -> Batch:
        raw = raw_of(batch)
        if self._decoding is not None:
            try:
                raw = self._decoding.feed(raw)
            except ValueError:
                self._decoding = _NOTHING  # nobody can look into the rest
                raw = b""
        data = hidden_in(self._rest + raw, self._secrets)
        end = max(len(data) - self._held, 0)
        self._rest = data[end:]
        return [Chunk(data[:end])] if end else []

    def end(self) -> Batch:
        return [Chunk(self._rest)] if self._rest else []


class CodedKeys:
    """Passes a coded body on as it comes, but breaks it off before a key in it is told. It is a `Decoder`."""

    def __init__(self, secrets: tuple[bytes, ...], decoding: Decoding) -> None:
        self._secrets = secrets
        self._decoding: Decoding | None = decoding
        self._longest = ESCAPED * max(map(len, secrets), default=0)
        self._tail = b""
        self._held: list[Chunk] = []

    def feed(self, batch: Batch) -> Batch:
        if self._decoding is None:
            return batch
        try:
            data = self._tail + self._decoding.feed(raw_of(batch))
        except ValueError:
            self._decoding = None
            return [*self.end(), *batch]
        if hidden_in(data, self._secrets) is not data:
            raise UpstreamError(UpstreamFault.PROTOCOL, "the provider's coded answer quotes a key of ours")
        self._tail = data[-self._longest :]
        self._held += batch
        return [] if any(_begins(self._tail, secret) for secret in self._secrets) else self.end()

    def end(self) -> Batch:
        held, self._held = self._held, []
        return held


def _begins(data: bytes, secret: bytes) -> bool:
    """Whether the data ends with a part of the secret from which it can be known."""
    return any(data.endswith(secret[:size]) for size in range(BEGINNING, len(secret)))


class _Nothing(Decoding):
    """Decodes anything to nothing."""

    def feed(self, data: bytes) -> bytes:
        return b""


_NOTHING = _Nothing("", 0)


def decoding_of(headers: Mapping[str, str]) -> Decoding | None:
    """Returns a decoder for the content coding of a body, None if the coding is not known here."""
    try:
        return Decoding(headers.get("content-encoding", ""), MAX_PLAIN)
    except (ValueError, ImportError):
        return None


def uncoded_headers(headers: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    return [each for each in headers if each[0].lower() not in ("content-encoding", "content-length")]


def hidden_text(value: str, secrets: tuple[bytes, ...]) -> str:
    return hidden_in(value.encode("utf-8", "surrogateescape"), secrets).decode("utf-8", "surrogateescape")


async def decoded_body(body: bytes, headers: Mapping[str, str], limit: int) -> bytes:
    """Returns a body without its content coding. Empty if it cannot be decoded, or if it would be larger than `limit`
    bytes."""
    if not is_coded(headers):
        return body
    try:
        return (await uncoded(body, headers.get("content-encoding", ""), limit))[0]
    except (ValueError, ImportError):
        return b""
