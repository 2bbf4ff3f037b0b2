"""Writes keys for a store that several services share: bytes behind the namespace of the service. Any text is a key,
even half a surrogate pair."""

from __future__ import annotations


class Namespace:
    def __init__(self, name: str) -> None:
        self._start = f"{name}|".encode()

    def encode(self, key: str) -> bytes:
        return self._start + key.encode(errors="surrogatepass")

    def decode(self, encoded: bytes) -> str:
        return encoded[len(self._start) :].decode(errors="surrogatepass")

    def span(self, prefix: str) -> tuple[bytes, bytes]:
        """The first possible key with this prefix, and the first key behind all of them."""
        first = self.encode(prefix)
        return first, first[:-1] + bytes([first[-1] + 1])  # no UTF-8 has a byte 255
