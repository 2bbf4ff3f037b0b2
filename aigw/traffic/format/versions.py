"""Reads recordings of other versions of the format: an older one is converted when it is read, version by version.

Whoever changes the format raises `recording.VERSION`, and adds what makes a recording of it from the version before.
The files stay as they are until they are recorded again."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import msgspec
from msgspec import Raw, Struct

from aigw.traffic.format.recording import VERSION

Fields = dict[str, Raw]
"""The fields of a recording, each as JSON text, so that fields which are not converted stay as they were written."""
Converter = Callable[[Fields], Fields]

CONVERTERS: Mapping[int, Converter] = {}
"""Under n, what makes a recording of version n + 1 from one of version n."""

_NUMBER = "aigw"
_fields = msgspec.json.Decoder(dict[str, Raw]).decode
_encoded = msgspec.json.Encoder().encode


class OtherVersionError(Exception):
    """This aigw cannot read this version of the format. The message says what to do."""


class _Versioned(Struct):
    aigw: int


_version = msgspec.json.Decoder(_Versioned).decode


def version_of(data: bytes) -> int | None:
    """Returns the version of a recording, None if the data is no recording."""
    try:
        return _version(data).aigw
    except (ValueError, RecursionError):
        return None


def converted(data: bytes, converters: Mapping[int, Converter] = CONVERTERS) -> bytes:
    """Returns a recording in this version of the format. Raises OtherVersionError if that is not known, ValueError if
    it is no recording of its version."""
    version = version_of(data)
    if version is None or version == VERSION:
        return data
    if version > VERSION:
        raise OtherVersionError(
            f"has version {version} of the format, and this aigw knows {VERSION}; use the newer aigw that wrote it, "
            "or record it again"
        )
    fields = _fields(data)
    while version < VERSION:
        if version not in converters:
            raise OtherVersionError(
                f"has version {version} of the format, which nobody reads any more; record it again"
            )
        try:
            fields = converters[version](fields)
        except (KeyError, TypeError) as error:
            raise ValueError(f"it has no field {error}") from None
        version += 1
        fields[_NUMBER] = Raw(str(version).encode())
    return _encoded(fields)
