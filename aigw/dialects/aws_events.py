"""Decodes AWS's binary event stream (application/vnd.amazon.eventstream) into server-sent events, which all else reads.
Sans-io.

Rules of the wire: a message is two lengths and their CRC, headers, a payload, and the CRC of all that. The header
`:event-type` names an event, `:exception-type` an error; the payload is JSON. An event becomes
`data: {"contentBlockDelta": {...}}`, as AWS's SDKs name the members.

https://smithy.io/2.0/aws/amazon-eventstream.html"""

from __future__ import annotations

import struct
from zlib import crc32

from aigw.dialects.json_values import encoded

CONTENT_TYPE = "application/vnd.amazon.eventstream"
MAX_MESSAGE = 24 * 1024 * 1024
"""Bytes of the largest message (16 MiB of payload and its headers are AWS's own limit)."""
_PRELUDE = struct.Struct(">III")
_CRC = 4
_SIZES = {0: 0, 1: 0, 2: 1, 3: 2, 4: 4, 5: 8, 8: 8, 9: 16}
"""Type of a header's value -> its bytes. Types 6 and 7 (bytes and text) have their length in front."""
_TEXT, _LENGTHS = 7, (6, 7)


class EventStreamDecoder:
    def __init__(self) -> None:
        self._buffer = bytearray()

    @property
    def complete(self) -> bool:
        """Whether no message has begun that is not whole yet."""
        return not self._buffer

    def feed(self, data: bytes) -> bytes:
        """Returns the events that `data` completes. Raises ValueError for bytes that are no message."""
        self._buffer += data
        out: list[bytes] = []
        while (message := self._next()) is not None:
            out.append(_event(message))
        return b"".join(out)

    def _next(self) -> bytes | None:
        buffer = self._buffer
        if len(buffer) < _PRELUDE.size:
            return None
        size, headers, check = _PRELUDE.unpack_from(buffer)
        if crc32(buffer[:8]) != check or not _PRELUDE.size + headers + _CRC <= size <= MAX_MESSAGE:
            raise ValueError("the stream has a message whose beginning is damaged")
        if len(buffer) < size:
            return None
        message = bytes(buffer[:size])
        del buffer[:size]
        if crc32(message[:-_CRC]) != int.from_bytes(message[-_CRC:], "big"):
            raise ValueError("the stream has a damaged message")
        return message


def _event(message: bytes) -> bytes:
    end = _PRELUDE.size + int.from_bytes(message[4:8], "big")
    headers, payload = _headers(message[_PRELUDE.size : end]), message[end:-_CRC]
    name = headers.get(":event-type") or headers.get(":exception-type") or headers.get(":error-code") or "unknown"
    if not payload:
        payload = encoded({"message": headers.get(":error-message", "")})
    return b'data: {"%b":%b}\n\n' % (name.encode(), payload.replace(b"\r", b" ").replace(b"\n", b" "))


def _headers(data: bytes) -> dict[str, str]:
    """Returns the headers that are texts."""
    found: dict[str, str] = {}
    at = 0
    try:
        while at < len(data):
            size = data[at]
            name, kind = data[at + 1 : at + 1 + size].decode(), data[at + 1 + size]
            at += size + 2
            length = _SIZES.get(kind)
            if kind in _LENGTHS:
                length, at = int.from_bytes(data[at : at + 2], "big"), at + 2
            if length is None or at + length > len(data):
                raise ValueError("the stream has a message with a header of an unknown type")
            if kind == _TEXT:
                found[name] = data[at : at + length].decode()
            at += length
    except (IndexError, UnicodeDecodeError):
        raise ValueError("the stream has a message with a damaged header") from None
    return {name: value for name, value in found.items() if name.startswith(":") and value.isprintable()}
