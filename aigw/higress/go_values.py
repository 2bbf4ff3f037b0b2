"""JSON as Go's encoding/json writes it.

Rule: what HTML would take for its own is escaped. Of a value without a struct, the names of objects are sorted, and
numbers have the digits of a float64."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import msgspec

_HTML = {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"}
_EXACT = 2**53
"""A float64 holds whole numbers up to this one exactly."""
_LARGE, _SMALL = 1e21, 1e-6
"""Numbers from one on, and below the other, are written with an exponent."""


def go_json(value: Any) -> bytes:
    """Writes JSON as Go does, which replaces half of a surrogate pair. Names keep their order, like those of a
    struct."""
    try:
        text = msgspec.json.encode(value).decode()
    except UnicodeEncodeError:
        text = json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace").decode()
    return "".join([_HTML.get(character, character) for character in text]).encode()


def sorted_json(value: Any) -> str:
    """Writes a value that Go has decoded without a struct."""
    if isinstance(value, dict):
        return f"{{{','.join([f'{sorted_json(name)}:{sorted_json(value[name])}' for name in sorted(value)])}}}"
    if isinstance(value, list):
        return f"[{','.join([sorted_json(item) for item in value])}]"
    if isinstance(value, int | float) and not isinstance(value, bool):
        return _number(value)
    return go_json(value).decode()


def _number(value: float) -> str:
    if isinstance(value, int) and abs(value) <= _EXACT:
        return str(value)
    try:
        exact = float(value)
    except OverflowError:  # Go refuses it
        return str(value)
    if exact and not _SMALL <= abs(exact) < _LARGE:
        return repr(exact).replace("e-0", "e-")
    plain = format(Decimal(repr(exact)), "f")
    return plain.removesuffix(".0")
