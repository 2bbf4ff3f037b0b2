"""The files of the page: HTML, CSS and JavaScript, as they are in the package.

Rule: they are read once, by a table of names, so that no path leads out of the folder. They hold no data, and are for
everybody. The policy lets them run what is among them, and ask this gateway; nothing else."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import NamedTuple

from aigw.server.http1.request import HttpRequest
from aigw.server.http1.response import PlainResponse

INDEX = "index.html"
_KINDS = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".ico": "image/x-icon",
}
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_HEADERS: Mapping[str, str] = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-cache",
}


class PageFile(NamedTuple):
    kind: str
    tag: str
    body: bytes


Table = Mapping[str, PageFile]


@cache
def page_files() -> Table:
    return read_files(files(__package__).joinpath("static"))


def read_files(folder: Traversable) -> Table:
    """The files in the folder by their names; one of a kind that is not known is left out."""
    found = {}
    for each in folder.iterdir() if folder.is_dir() else ():
        kind = _KINDS.get(f".{each.name.rpartition('.')[2]}")
        if kind is not None and each.is_file():
            body = each.read_bytes()
            found[each.name] = PageFile(kind, f'"{hashlib.sha256(body).hexdigest()[:32]}"', body)
    return found


def page_file(http: HttpRequest, name: str, table: Table | None = None) -> PlainResponse | None:
    """The answer with this file, None if there is none of this name."""
    file = (page_files() if table is None else table).get(name)
    if file is None:
        return None
    headers = {**_HEADERS, "Content-Type": file.kind, "ETag": file.tag}
    known = {each.strip().removeprefix("W/") for each in http.headers.get("if-none-match", "").split(",")}
    if file.tag in known:
        return PlainResponse(status=304, headers=headers)
    return PlainResponse(body=file.body, headers=headers)
