"""Reads and writes text fields in the bytes of a form (multipart/form-data, RFC 7578).

Rule: the form is neither decoded nor written again. To change a field, its bytes are replaced; files, headers and the
boundary keep their bytes. Of an upload that is not held in memory, only the fields in its beginning are known. A
line may end without a carriage return, as some servers read it."""

from __future__ import annotations

import re
from collections.abc import Iterator

from aigw.core import large_json
from aigw.core.aside import aside
from aigw.core.model import Request
from aigw.dialects.form_head import names_of, values_of

MAX_HEAD = 8192
"""The largest headers of a part, in bytes. No client sends larger ones."""
MAX_BOUNDARY = 200
MAX_PARTS = 1000
"""Only the first parts up to this number are searched."""

_ENDS = re.compile(rb"(--)?[ \t]*(\r?\n|\Z)")
"""The rest of a line with the boundary. A line in which something else follows is content."""
_BLANK = re.compile(rb"\n\r?\n")


def is_form(request: Request) -> bool:
    return request.headers.get("content-type", "").lstrip()[:19].lower() == "multipart/form-data"


def text(request: Request, name: str) -> str | None:
    """Returns the value of the field without blanks around it (a file from which it was read ends with a line break),
    None if the form has no such field. Raises ValueError if it has several, or several boundaries: which of them counts
    is not known."""
    if len(_boundaries(request.headers.get("content-type", ""))) > 1:
        raise ValueError("the content type of the form has several boundaries")
    places = list(_places(request, name))
    if len(places) > 1:
        raise ValueError(f"the form has the field {name} {len(places)} times")
    return request.body[places[0]].decode("utf-8", "replace").strip() if places else None


def put(request: Request, name: str, value: str, *, adds: bool) -> None:
    """Replaces the value of a field. `adds`: a form without the field gets it as its first part, if the whole form is
    known."""
    boundary = _boundary(request.headers.get("content-type", ""))
    place = next(_places(request, name), None)
    written = value.encode("utf-8", "replace")
    if place is not None:
        _replace(request, place, written)
    elif adds and boundary and request.upload is None and (first := _line(request.body, boundary, 0)):
        start = request.body.find(boundary, first[0])
        line = b"\r\n" if request.body.startswith(b"\r\n", first[1] - 2) else b"\n"
        disposition = b'Content-Disposition: form-data; name="%b"' % name.encode("utf-8", "replace")
        _replace(request, slice(start, start), line.join((boundary, disposition, b"", written, b"")))


async def hold(request: Request) -> None:
    """Reads the rest of an upload into memory."""
    if request.upload is not None:
        pieces = [request.body, *[piece async for piece in request.upload]]
        request.body = await aside(sum(map(len, pieces)), b"".join, pieces)
        request.upload = None


def find(body: bytes, content_type: str, name: str) -> slice | None:
    """Returns the position of the value of the first field of this name. None if there is no such field, or the body is
    not a form."""
    return next(_find(body, content_type, name), None)


def _places(request: Request, name: str) -> Iterator[slice]:
    return _find(request.body, request.headers.get("content-type", ""), name)


def _find(body: bytes, content_type: str, name: str) -> Iterator[slice]:
    wanted = name.encode("utf-8", "replace")
    return (value for head, value in parts(body, content_type) if wanted in names_of(head))


def parts(body: bytes, content_type: str) -> Iterator[tuple[bytes, slice]]:
    """Yields the headers of each part, and the position of its value."""
    boundary = _boundary(content_type)
    line = _line(body, boundary, 0) if boundary else None
    for _ in range(MAX_PARTS):
        if line is None or line[2]:
            return
        head = line[1]
        blank = _BLANK.search(body, head - 1, head + MAX_HEAD)
        line = _line(body, boundary, blank.end()) if blank else None
        if blank is None or line is None:
            return
        yield body[head : blank.start()], slice(blank.end(), line[0])


def _line(body: bytes, boundary: bytes, start: int) -> tuple[int, int, bool] | None:
    """Returns where the next line of the boundary begins (with the line break before it) and ends, and whether it is
    the last one."""
    at = 0 if not start and body.startswith(boundary) else large_json.find(body, b"\n" + boundary, start)
    while at >= 0:
        if ends := _ENDS.match(body, body.find(boundary, at) + len(boundary)):
            return at - (at > start and body.startswith(b"\r\n", at - 1)), ends.end(), ends[1] is not None
        at = large_json.find(body, b"\n" + boundary, at + 1)
    return None


def _boundary(content_type: str) -> bytes:
    """Returns the boundary with its hyphens, b"" if the content type does not belong to a form."""
    found = _boundaries(content_type)
    return b"--" + found[0] if found else b""


def _boundaries(content_type: str) -> list[bytes]:
    if content_type.lstrip()[:19].lower() != "multipart/form-data":
        return []
    header = content_type.encode("utf-8", "surrogateescape")
    return [boundary for boundary in values_of(header, b"boundary") if 0 < len(boundary) <= MAX_BOUNDARY]


def _replace(request: Request, place: slice, value: bytes) -> None:
    length = request.headers.get("content-length", "")
    if request.upload is not None and length.isdecimal():
        request.headers["content-length"] = str(int(length) + len(value) - (place.stop - place.start))
    body = request.body
    before, behind = large_json.cut(body, 0, place.start), large_json.cut(body, place.stop, len(body))
    request.replace_body(b"".join([*before, value, *behind]))
