"""What rows of tables and JSON records have in common: their values, each after its name."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

_DEPTH = 4


def named(values: Mapping[str, Any], above: str = "", depth: int = 1) -> Iterator[str]:
    """Yields a line `name: value` for each value that is not empty. The names of nested values are joined with dots."""
    for name, value in values.items():
        path = f"{above}.{name}" if above else name
        if isinstance(value, Mapping) and depth < _DEPTH:
            yield from named(value, path, depth + 1)
        elif (text := shown(value)).strip():
            yield f"{path}: {text}" if path else text


def shown(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, list) and all(isinstance(each, str) for each in value):
        return ", ".join(value)
    return json.dumps(value, ensure_ascii=False)
