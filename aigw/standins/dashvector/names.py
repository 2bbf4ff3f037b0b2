"""The names that DashVector allows, and the types of its fields."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from aigw.standins.dashvector.codes import (
    BAD_COLLECTION_NAME,
    BAD_FIELD,
    BAD_FIELD_NAME,
    BAD_ID,
    BAD_PARTITION_NAME,
    OTHER_TYPE,
    DashVectorError,
)

VECTOR = "proxima_vector"
"""The name of the vector of a collection that has a single one."""
MOST_FIELDS = 1024
_NAME = re.compile(r"[a-zA-Z0-9_-]{3,32}")
_FIELD = re.compile(r"[a-zA-Z0-9_-]{1,32}")
_ID = re.compile(r"[a-zA-Z0-9_\-!@#$%+=.]{1,64}")
_TYPES: Mapping[str, type | tuple[type, ...]] = {
    "STRING": str, "BOOL": bool, "INT": int, "LONG": int, "FLOAT": (int, float),
}  # fmt: skip
_ARRAY = "ARRAY_"
TYPES = (*_TYPES, *(f"{_ARRAY}{each}" for each in _TYPES if each != "BOOL"))


def check_collection(name: str) -> None:
    if not _NAME.fullmatch(name):
        raise DashVectorError(
            BAD_COLLECTION_NAME, f"a collection cannot be called {name!r}: 3 to 32 letters a-zA-Z0-9_-"
        )


def check_partition(name: str) -> None:
    if not _NAME.fullmatch(name):
        raise DashVectorError(BAD_PARTITION_NAME, f"a partition cannot be called {name!r}: 3 to 32 letters a-zA-Z0-9_-")


def check_id(id_: str) -> None:
    if not _ID.fullmatch(id_):
        raise DashVectorError(BAD_ID, f"a document cannot have the id {id_!r}: 1 to 64 letters a-zA-Z0-9_-!@#$%+=.")


def check_schema(fields: Mapping[str, str]) -> None:
    """Checks the types of fields that a collection declares."""
    check_field_names(fields)
    for name, kind in fields.items():
        if kind not in TYPES:
            raise DashVectorError(
                BAD_FIELD, f"the field {name} has the unknown type {kind}; known are {', '.join(TYPES)}"
            )


def check_fields(fields: Mapping[str, Any], schema: Mapping[str, str]) -> None:
    """Checks the fields of a document. A field that the collection does not declare may have any type but a list."""
    check_field_names(fields)
    for name, value in fields.items():
        declared = schema.get(name)
        if value is None:
            continue
        if declared is None and not isinstance(value, str | int | float):
            raise DashVectorError(BAD_FIELD, f"the field {name} is not declared, and is no text, number or bool")
        if declared is not None and not _fits(declared, value):
            raise DashVectorError(OTHER_TYPE, f"the field {name} wants {declared}")


def check_field_names(fields: Mapping[str, Any]) -> None:
    if len(fields) > MOST_FIELDS:
        raise DashVectorError(BAD_FIELD, f"{len(fields)} fields are more than {MOST_FIELDS}")
    for name in fields:
        if not _FIELD.fullmatch(name) or name == VECTOR:
            raise DashVectorError(BAD_FIELD_NAME, f"a field cannot be called {name!r}: 1 to 32 letters a-zA-Z0-9_-")


def _fits(kind: str, value: Any) -> bool:
    if kind.startswith(_ARRAY):
        return isinstance(value, list) and all(_fits(kind.removeprefix(_ARRAY), each) for each in value)
    return isinstance(value, _TYPES.get(kind, object)) and (kind == "BOOL" or not isinstance(value, bool))
