"""Values as they are written in a JSON text: what gjson calls raw."""

from __future__ import annotations

import re
from typing import Any

import msgspec

from aigw.higress.gjson import GjsonPath
from aigw.higress.values import text_of

_ESCAPE = re.compile(r"\\u(?:([0-9a-fA-F]{4})|)")
_SURROGATES = range(0xD800, 0xE000)


def as_written(source: bytes, path: str) -> str:
    """Returns the JSON text at a path, with its white space. The path may have keys, indices and @reverse; for any
    other path, and for one that leads to nothing, returns ""."""
    turned = False
    try:
        for name in path.split("."):
            if name == "@reverse":
                turned = not turned
            elif name.isdigit():
                items = msgspec.json.decode(source, type=list[msgspec.Raw])
                source, turned = bytes(items[-1 - int(name) if turned else int(name)]), False
            else:
                source = bytes(msgspec.json.decode(source, type=dict[str, msgspec.Raw])[name])
        return source.decode()
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, LookupError):
        return ""


def as_text(source: bytes, found: Any, path: str) -> str:
    """Returns `found`, the value at a path, as text: a text unchanged, arrays and objects as they are written."""
    written = as_written(source, path) if isinstance(found, dict | list) else ""
    return written or text_of(found)


def unquoted(source: bytes, value: Any, path: GjsonPath) -> str:
    """Returns the JSON text at a path without the quotes around it: what is escaped in a text stays escaped. `value`
    is the decoded `source`."""
    raw = as_written(source, path.text)
    if not raw and (found := path.get(value)) is not None:
        raw = text_of(found)
    return raw.strip('"')


def without_unicode_escapes(raw: str) -> str:
    """Decodes `\\u4e2d` and the like in a JSON text, and no other escape. As in Go, one that is no character makes the
    whole text empty."""
    codes = [int(code or "d800", 16) for code in _ESCAPE.findall(raw)]
    if any(code in _SURROGATES for code in codes):
        return ""
    return _ESCAPE.sub(lambda found: chr(int(found[1], 16)), raw)
