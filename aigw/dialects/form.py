"""Reads and writes text fields in the bytes of a form (multipart/form-data, RFC 7578).

Rule: the form is neither decoded nor written again. To change a field, its bytes are replaced; files, headers and the
boundary keep their bytes. Of an upload that is not held in memory, only the fields in its beginning are known."""

from __future__ import annotations

import re
from collections.abc import Iterator

from aigw.core.model import Request

MAX_HEAD = 8192
"""The largest headers of a part, in bytes. No client sends larger ones."""
MAX_PARTS = 1000
"""Only the first parts up to this number are searched."""

_BOUNDARY = re.compile(r';\s*boundary=(?:"([^"]{1,200})"|([^";\s]{1,200}))', re.IGNORECASE)
_DISPOSITION = re.compile(rb"(?:^|\r\n)content-disposition[ \t]*:[ \t]*form-data([^\r]*)", re.IGNORECASE)
_PARAMETER = re.compile(rb';\s*([^=;\s"]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^;]*))')
_ENDS = re.compile(rb"(--)?[ \t]*(\r\n|\Z)")
"""What follows the boundary in its line. A longer name that begins as the boundary does is content."""


def is_form(request: Request) -> bool:
    return request.headers.get("content-type", "").lstrip()[:19].lower() == "multipart/form-data"


def text(request: Request, name: str) -> str | None:
    """Returns the value of the field, None if the form has no such field. Raises ValueError if it has several: which of
    them counts is not known."""
    places = list(_places(request, name))
    if len(places) > 1:
        raise ValueError(f"the form has the field {name} {len(places)} times")
    return request.body[places[0]].decode("utf-8", "replace") if places else None


def put(request: Request, name: str, value: str, *, adds: bool) -> None:
    """Replaces the value of a field. `adds`: a form without the field gets it as its first part, if the whole form is
    known."""
    place = find(request.body, request.headers.get("content-type", ""), name)
    if place is not None:
        _replace(request, place, value.encode())
    elif adds and request.stream is None and (start := _first(request)) >= 0:
        boundary = _boundary(request.headers.get("content-type", ""))
        head = b'%b\r\nContent-Disposition: form-data; name="%b"\r\n\r\n' % (boundary, name.encode())
        _replace(request, slice(start, start), head + value.encode() + b"\r\n")


async def hold(request: Request) -> None:
    """Reads the rest of an upload into memory."""
    if request.stream is not None:
        request.body = request.body + b"".join([piece async for piece in request.stream])
        request.stream = None


def find(body: bytes, content_type: str, name: str) -> slice | None:
    """Returns the position of the value of the first field of this name. None if there is no such field, or the body is
    not a form."""
    return next(_find(body, content_type, name), None)


def _places(request: Request, name: str) -> Iterator[slice]:
    return _find(request.body, request.headers.get("content-type", ""), name)


def _find(body: bytes, content_type: str, name: str) -> Iterator[slice]:
    boundary = _boundary(content_type)
    if not boundary:
        return
    line = _line(body, boundary, 0)
    for _ in range(MAX_PARTS):
        if line is None or line[2]:
            return
        head = line[1]
        value = head + 2 if body.startswith(b"\r\n", head) else body.find(b"\r\n\r\n", head, head + MAX_HEAD) + 4
        line = _line(body, boundary, value)
        if value == 3 or line is None:
            return
        if _name(body[head:value]) == name.encode():
            yield slice(value, line[0])


def _line(body: bytes, boundary: bytes, start: int) -> tuple[int, int, bool] | None:
    """Returns where the next line of the boundary begins (with the line break before it) and ends, and whether it is
    the last one."""
    at = 0 if not start and body.startswith(boundary) else body.find(b"\r\n" + boundary, start)
    while at >= 0:
        after = at + len(boundary) + (2 if body.startswith(b"\r\n", at) else 0)
        if ends := _ENDS.match(body, after):
            return at, ends.end(), ends[1] is not None
        at = body.find(b"\r\n" + boundary, after)
    return None


def _name(head: bytes) -> bytes:
    """Returns the name of the field in the headers of a part."""
    disposition = _DISPOSITION.search(head)
    for parameter in _PARAMETER.finditer(disposition[1]) if disposition else ():
        if parameter[1].lower() == b"name":
            quoted, plain = parameter[2], parameter[3]
            return plain.strip() if quoted is None else re.sub(rb"\\(.)", rb"\1", quoted)
    return b""


def _boundary(content_type: str) -> bytes:
    """Returns the boundary with its hyphens, b"" if the content type is not that of a form."""
    if content_type.lstrip()[:19].lower() != "multipart/form-data":
        return b""
    match = _BOUNDARY.search(content_type)
    return b"" if match is None else b"--" + (match[1] or match[2]).encode("utf-8", "surrogateescape")


def _first(request: Request) -> int:
    """Returns where the first boundary begins, -1 if there is none."""
    line = _line(request.body, _boundary(request.headers.get("content-type", "")), 0)
    return -1 if line is None else line[0] + (2 if request.body.startswith(b"\r\n", line[0]) else 0)


def _replace(request: Request, place: slice, value: bytes) -> None:
    length = request.headers.get("content-length", "")
    if request.stream is not None and length.isdecimal():
        request.headers["content-length"] = str(int(length) + len(value) - (place.stop - place.start))
    request.replace_body(request.body[: place.start] + value + request.body[place.stop :])
