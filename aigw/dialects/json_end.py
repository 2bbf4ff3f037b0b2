"""Sees where a JSON text ends while it arrives, without decoding it. Sans-io.

Rule: it only counts brackets outside of strings, in a few passes over each piece. So it sees a text that was cut off,
but not one that is wrong in itself. Several texts in a row (JSON lines) are whole if the last one is."""

from __future__ import annotations


class JsonEnd:
    """`depth` is how many brackets are open."""

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
