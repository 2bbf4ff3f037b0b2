"""Sees where a JSON text ends while it arrives, without decoding it. Sans-io.

Rule: it only counts brackets outside of strings, in a few passes over each piece. So it notices a text that was cut
off, but not one that is invalid. Several texts in a row (JSON lines) are complete if the last one is."""

from __future__ import annotations

import re
from collections.abc import Iterator

_BRACKETS = re.compile(rb"[\[\]{}]")
_CLOSES = {b"{": b"}", b"[": b"]"}
_ESCAPE = re.compile(rb"\\(u[0-9a-fA-F]{0,3})?\Z")
"""An escape that was cut off, if its backslash is no escaped one."""
_FILLERS = (b"", b":0", b"0")
"""The texts that may be missing between what has arrived and the closing brackets: nothing, or a value."""


class JsonEnd:
    """Follows a JSON text to its end. `depth` is how many brackets are open."""

    __slots__ = ("_escape", "_in_string", "depth")

    def __init__(self) -> None:
        self.depth = 0
        self._in_string = False
        self._escape = b""  # a backslash whose character is still to come

    @property
    def open(self) -> bool:
        """Whether something must still come."""
        return self.depth > 0 or self._in_string

    @property
    def between(self) -> bool:
        """Whether the text stands between two elements of the outermost array, or two members of the object."""
        return self.depth == 1 and not self._in_string

    def feed(self, data: bytes) -> None:
        text = (self._escape + data).replace(b"\\\\", b"").replace(b'\\"', b"")
        self._escape = b"\\" if text.endswith(b"\\") else b""
        parts = text.split(b'"')
        outside = b"".join(parts[int(self._in_string) :: 2])
        self._in_string ^= len(parts) % 2 == 0
        self.depth += outside.count(b"{") + outside.count(b"[") - outside.count(b"}") - outside.count(b"]")


def closed(data: bytes) -> Iterator[bytes]:
    """Yields what the beginning of a JSON text may be as a whole text, with its open string and brackets closed. The
    first one that can be decoded is right."""
    text = data.replace(b"\\\\", b"  ").replace(b'\\"', b"  ")
    parts = text.split(b'"')
    if len(parts) % 2 == 0:
        cut = _ESCAPE.search(text)
        data = (data[: cut.start()] if cut else data) + b'"'
    else:
        data = data.rstrip(b" \t\r\n").removesuffix(b",")
    end = b"".join(reversed(_closing(b"".join(parts[::2]))))
    for filler in _FILLERS:
        yield data + filler + end


def _closing(outside: bytes) -> list[bytes]:
    """Returns the brackets that close what is open, the outermost first."""
    ends: list[bytes] = []
    for bracket in _BRACKETS.findall(outside):
        if bracket in _CLOSES:
            ends.append(_CLOSES[bracket])
        elif ends:
            ends.pop()
    return ends
