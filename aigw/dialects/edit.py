"""Edits a value inside a JSON document: everything else keeps its bytes. Finds the place for inserted turns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from aigw.core.dialect import Where
from aigw.core.document import Document
from aigw.core.json_path import JsonPath

_decode_object = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_decode_array = msgspec.json.Decoder(list[msgspec.Raw]).decode


def place_of(where: Where, roles: Sequence[str | None]) -> int:
    """Returns the index at which turns are inserted into a conversation whose turns have these roles."""
    if where == "before":
        return 0
    if where == "behind":
        return len(roles)
    if where == "before last":
        return max(len(roles) - 1, 0)
    return next((index for index, role in enumerate(roles) if role != "system"), len(roles))


def put(document: Document, path: JsonPath, value: Any) -> None:
    """Replaces the value at `path`. Raises ValueError if there is no such path."""
    name, *rest = path
    raw = document.raw(str(name))
    if raw is None:
        raise ValueError(f"there is no {name}")
    try:
        document.set(str(name), _put(raw, rest, value))
    except (msgspec.DecodeError, UnicodeDecodeError, LookupError) as error:
        raise ValueError(f"{name}: {error}") from None


def _put(raw: bytes, path: Sequence[str | int], value: Any) -> Any:
    if not path:
        return value
    step, *rest = path
    if isinstance(step, int):
        items: list[Any] = list(_decode_array(raw))
        items[step] = _put(bytes(items[step]), rest, value)
        return items
    fields: dict[str, Any] = dict(_decode_object(raw))
    fields[step] = _put(bytes(fields[step]), rest, value)
    return fields
