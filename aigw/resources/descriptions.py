"""Finds keys of a configuration by what their descriptions say about them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec.inspect as mi

from aigw.core.json_path import JsonPath, format_path

OWN, SAFE = "aigw:", "safe:"
"""The description of a key that Higress does not have begins with one of these. A key with `safe:` has no effect with
`fidelity: higress`."""
UNUSED = ("not used by this version", "not supported by this version")
"""The description of a key that is accepted but has no effect contains one of these."""


def keys_that_say(
    type_: type, value: Any, *, begin: Sequence[str] = (), contain: Sequence[str] = (), path: JsonPath = ()
) -> list[str]:
    """The places of the keys that a raw configuration sets, and whose descriptions begin so or contain this."""
    found: list[str] = []

    def says(described: str) -> bool:
        return described.startswith(tuple(begin)) or any(text in described for text in contain)

    def find(value: Any, type_: mi.Type, path: JsonPath) -> None:
        match type_:
            case mi.Metadata():
                if says((type_.extra_json_schema or {}).get("description", "")):
                    found.append(format_path(path))
                else:
                    find(value, type_.type, path)
            case mi.StructType() if isinstance(value, Mapping):
                for field in type_.fields:
                    if field.encode_name in value:
                        find(value[field.encode_name], field.type, (*path, field.encode_name))
            case mi.ListType() | mi.VarTupleType() if isinstance(value, list):
                for index, item in enumerate(value):
                    find(item, type_.item_type, (*path, index))
            case mi.DictType() if isinstance(value, Mapping):
                for key, item in value.items():
                    find(item, type_.value_type, (*path, key))
            case mi.UnionType():
                for member in type_.types:
                    find(value, member, path)

    find(value, mi.type_info(type_), path)
    return found
