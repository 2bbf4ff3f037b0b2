"""A JSON object that is edited without touching the rest.

Rule: what nobody changed keeps its bytes: key order, number text, non-ASCII, unknown fields (clients.md E9).
Re-serialising a whole body would break prompt-cache prefixes and signed blocks, so values stay `msgspec.Raw` until
somebody asks for one."""

from __future__ import annotations

from typing import Any

import msgspec

_decode_fields = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_decode_items = msgspec.json.Decoder(list[msgspec.Raw]).decode
_decode_any = msgspec.json.Decoder().decode
_encode = msgspec.json.Encoder().encode


class Document:
    """One JSON object. `encode()` returns the original bytes as long as nothing was set."""

    __slots__ = ("_fields", "_source", "_values")

    def __init__(self, source: bytes) -> None:
        """Raises ValueError (with the byte offset) if `source` is not a JSON object."""
        try:
            self._fields = _decode_fields(source)
        except RecursionError:
            raise ValueError("JSON is nested too deeply") from None
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise ValueError(str(error)) from None
        self._source: bytes | None = source
        self._values: dict[str, Any] = {}

    def __contains__(self, name: object) -> bool:
        return name in self._fields

    def get(self, name: str, default: Any = None) -> Any:
        """The decoded value of a field. Do not mutate it: use `set`. Raises ValueError if the value is malformed."""
        if name in self._values:
            return self._values[name]
        raw = self._fields.get(name)
        if raw is None:
            return default
        try:
            value = self._values[name] = _decode_any(raw)
        except RecursionError:
            raise ValueError("JSON is nested too deeply") from None
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise ValueError(f"{name}: {error}") from None
        return value

    def raw(self, name: str) -> bytes | None:
        """The bytes of a field's value as they stand, None if the field is absent."""
        raw = self._fields.get(name)
        return None if raw is None else bytes(raw)

    def items_of(self, name: str) -> list[msgspec.Raw]:
        """The elements of an array field, each as raw JSON. Raises ValueError if it is not an array."""
        try:
            return _decode_items(self._fields[name])
        except (KeyError, RecursionError, msgspec.DecodeError) as error:
            raise ValueError(f"{name}: {error}") from None

    def set(self, name: str, value: Any) -> None:
        """Sets a field, in place if it exists, at the end otherwise. `value` may contain `msgspec.Raw`."""
        self._fields[name] = msgspec.Raw(_encode(value))
        self._values.pop(name, None)
        self._source = None

    def drop(self, name: str) -> None:
        if self._fields.pop(name, None) is not None:
            self._values.pop(name, None)
            self._source = None

    def names(self) -> list[str]:
        """The names of the fields, in order."""
        return list(self._fields)

    def encode(self) -> bytes:
        if self._source is None:
            self._source = _encode(self._fields)
        return self._source

    def copy(self) -> Document:
        twin = Document.__new__(Document)
        twin._fields = dict(self._fields)
        twin._source = self._source
        twin._values = dict(self._values)
        return twin
