"""How keys stand in a store that several services share: behind their namespace, as bytes. Any text is a key, half a
surrogate pair too."""

from __future__ import annotations


class Namespace:
    def __init__(self, name: str) -> None:
        self._start = f"{name}|".encode()

    def encode(self, key: str) -> bytes:
        return self._start + key.encode(errors="surrogatepass")

    def decode(self, encoded: bytes) -> str:
        return encoded[len(self._start) :].decode(errors="surrogatepass")

    def span(self, prefix: str) -> tuple[bytes, bytes]:
        """The first that a key with this prefix can be, and what comes after all of them."""
        first = self.encode(prefix)
        return first, first[:-1] + bytes([first[-1] + 1])  # no UTF-8 has a byte 255
