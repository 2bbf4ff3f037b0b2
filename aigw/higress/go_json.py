"""Does what Go's encoding/json does when it reads an object into a struct and writes it again.

Rule: names that the struct does not have are lost, null is as if the name was missing, and an empty value is left out
unless its field says otherwise. A value of another type than the field's, on which Go fails, stays as it is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

Json = dict[str, Any]


class Field(NamedTuple):
    """How a field of a struct is written. `zero` is written if the field is missing; None means that it is left out.
    `empties`: an empty value is written, too, as Go does for an interface or a pointer. `inside` are the fields of an
    object, or of each object in an array."""

    zero: Any = None
    empties: bool = False
    inside: Mapping[str, Field] | None = None


Struct = Mapping[str, Field]

OMIT_EMPTY, OMIT_NULL = Field(), Field(empties=True)
TEXT, NUMBER = Field(""), Field(0)


def objects(inside: Struct) -> Field:
    """An array of objects, left out where it is empty."""
    return Field(inside=inside)


def nested(inside: Struct) -> Field:
    """A field with an object, which is written even if it is empty."""
    return Field({}, inside=inside)


def written(value: Mapping[str, Any], struct: Struct) -> Json:
    out: Json = {}
    for name, field in struct.items():
        found = value.get(name)
        found = field.zero if found is None else found
        if found is not None and field.inside is not None:
            found = _inside(found, field.inside)
        if found is not None and (field.empties or field.zero is not None or not _is_empty(found)):
            out[name] = found
    return out


def filled(fields: Mapping[str, Any]) -> Json:
    """Returns the fields that have a value, as of a struct whose fields all say `omitempty`."""
    return {name: value for name, value in fields.items() if value is not None and not _is_empty(value)}


def _inside(value: Any, struct: Struct) -> Any:
    if isinstance(value, list):
        return [_inside({} if item is None else item, struct) for item in value]
    return written(value, struct) if isinstance(value, dict) else value


def _is_empty(value: Any) -> bool:
    return value in (False, 0, "", [], {})
