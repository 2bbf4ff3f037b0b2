"""One text field of a form (multipart/form-data, RFC 7578), found in the bytes. Sans-io.

Rule: nothing is decoded and nothing written anew: who changes a field puts other bytes in its place, and files, their
headers and the boundary stay as they are."""

from __future__ import annotations

import re

MAX_HEAD = 8192
"""Bytes of a part's headers; longer ones are no form of any client."""
MAX_PARTS = 1000
"""Behind so many nobody looks."""

_BOUNDARY = re.compile(r';\s*boundary="?([^";]{1,70})"?', re.IGNORECASE)
_NAME = re.compile(rb'content-disposition:\s*form-data\s*;\s*name="?([^";\r\n]*)"?', re.IGNORECASE)


def find(body: bytes, content_type: str, name: str) -> slice | None:
    """Where the value of the first field of this name stands; None if there is none, or the body is no form."""
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
