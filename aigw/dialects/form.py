"""Finds a text field in the bytes of a form (multipart/form-data, RFC 7578). Sans-io.

Rule: the form is neither decoded nor written again. To change a field, its bytes are replaced; files, headers and the
boundary keep their bytes."""

from __future__ import annotations

import re

MAX_HEAD = 8192
"""The largest headers of a part, in bytes. No client sends larger ones."""
MAX_PARTS = 1000
"""Only the first parts up to this number are searched."""

_BOUNDARY = re.compile(r';\s*boundary="?([^";]{1,70})"?', re.IGNORECASE)
_NAME = re.compile(rb'content-disposition:\s*form-data\s*;\s*name="?([^";\r\n]*)"?', re.IGNORECASE)


def find(body: bytes, content_type: str, name: str) -> slice | None:
    """Returns the position of the value of the first field of this name. None if there is no such field, or the body is
    not a form."""
    match = _BOUNDARY.search(content_type)
    if match is None or not content_type.lower().startswith("multipart/form-data"):
        return None
    delimiter = b"--" + match[1].encode()
    left = MAX_PARTS
    part = 0 if body.startswith(delimiter) else body.find(b"\r\n" + delimiter) + 2
    while part != 1 and left and not body.startswith(b"--", part + len(delimiter)):
        head = part + len(delimiter)
        value = body.find(b"\r\n\r\n", head, head + MAX_HEAD) + 4
        end = body.find(b"\r\n" + delimiter, value)
        if value == 3 or end < 0:
            return None
        named = _NAME.search(body, head, value)
        if named is not None and named[1] == name.encode():
            return slice(value, end)
        part, left = end + 2, left - 1
    return None
