"""Reads the parameters of a header: the names in the head of a part of a form, and the boundary in its content type
(RFC 2045, 2231 and 7578).

Rule: servers read odd notations in different ways, so a parameter has every value that one of them may read."""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import unquote_to_bytes

_FOLD = re.compile(rb"\r?\n[ \t]+")
_DISPOSITION = re.compile(rb"(?:^|\n)content-disposition[ \t]*:([^\n]*)", re.IGNORECASE)
_CONTENT_TYPE = re.compile(rb"(?:^|\n)content-type[ \t]*:([^\n]*)", re.IGNORECASE)
_PARAMETER = re.compile(rb';\s*([^=;\s"]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^;]*))')
_PART = re.compile(rb"(.+?)(?:\*(\d{1,3}))?(\*)?", re.DOTALL)
"""The name of a parameter: `name`, `name*` (coded), `name*0` and `name*0*` (pieces of a long value)."""


def names_of(head: bytes) -> list[bytes]:
    """The names of the field, from all headers of a part: one name, if the client is well-behaved."""
    return [
        name
        for disposition in _DISPOSITION.findall(_FOLD.sub(b" ", head))
        for name in values_of(disposition.strip(), b"name")
    ]


def parameter_of(head: bytes, name: bytes) -> str:
    """The first value of a parameter of the content disposition, such as `filename`, "" if there is none."""
    for disposition in _DISPOSITION.findall(_FOLD.sub(b" ", head)):
        for value in values_of(disposition.strip(), name):
            return value.decode("utf-8", "replace")
    return ""


def content_type_of(head: bytes) -> str:
    """The content type of a part, "" if it has none."""
    found = _CONTENT_TYPE.search(_FOLD.sub(b" ", head))
    return found[1].decode("utf-8", "replace").strip() if found else ""


def values_of(header: bytes, name: bytes) -> list[bytes]:
    """The values of the parameter of this name, each once."""
    whole: dict[bytes, None] = {}
    pieces: dict[int, tuple[bytes, bool]] = {}
    for key, index, coded, value in _parameters(header):
        if key == name and index:
            pieces[int(index)] = value, coded
        elif key == name:
            whole[_decoded(value) if coded else value] = None
    if pieces:
        joined = b"".join(value for _, (value, _) in sorted(pieces.items()))
        whole[_decoded(joined) if any(coded for _, coded in pieces.values()) else joined] = None
    return list(whole)


def _parameters(header: bytes) -> Iterator[tuple[bytes, bytes, bool, bytes]]:
    for parameter in _PARAMETER.finditer(header):
        quoted, plain = parameter[2], parameter[3]
        value = plain.strip() if quoted is None else re.sub(rb"\\(.)", rb"\1", quoted)
        if key := _PART.fullmatch(parameter[1].lower()):
            yield key[1], key[2] or b"", key[3] is not None, value


def _decoded(value: bytes) -> bytes:
    """Decodes a value such as `utf-8''caf%C3%A9` (RFC 5987)."""
    charset, _, rest = value.partition(b"'")
    text = unquote_to_bytes(rest.partition(b"'")[2] if b"'" in rest else value)
    return text.decode("latin-1").encode() if charset.lower() == b"iso-8859-1" else text
