"""The heads of HTTP/1.1 messages, sans-io. Rule: a request that could be read in two ways is refused, never repaired.

The text of requests is UTF-8 with surrogate escapes, as aiohttp reads it, so that odd bytes pass unchanged. A header of
an answer that is not UTF-8 is read as Latin-1, because aiohttp would drop an escaped byte on the way to the client."""

from __future__ import annotations

import re
from functools import lru_cache

from multidict import istr

from aigw.core.model import Request

HEAD_LIMIT = 64 * 1024
"""The largest size in bytes of a response head, of the interim heads before it, and of the framing of a body."""

_OWN = frozenset(("connection", "content-length", "host", "transfer-encoding"))
_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_UNSAFE = re.compile(r"[\x00-\x20\x7f]")


def encode_head(request: Request, authority: str) -> bytes:
    """The request line and the headers, with Host and the framing. Raises ValueError, whose message shows no value."""
    target = request.target
    if not target.startswith(("/", "*")) or _UNSAFE.search(target):
        raise ValueError("the path is empty or has a space or a control character")
    lines = [f"{_token(request.method)} {target} HTTP/1.1", f"host: {authority}"]
    lines += [prefix + value for name, value in request.headers.items() if (prefix := _prefix(name))]
    if request.upload is not None:
        length = declared_length(request)
        lines.append("transfer-encoding: chunked" if length is None else f"content-length: {length}")
    elif request.body or request.method in ("POST", "PUT", "PATCH"):
        lines.append(f"content-length: {len(request.body)}")
    text = "\r\n".join(lines) + "\r\n\r\n"
    breaks = len(lines) + 1
    if text.count("\n") != breaks or text.count("\r") != breaks or "\0" in text:
        raise ValueError("a header has a line break or a NUL")
    return text.encode("utf-8", "surrogateescape")


def declared_length(request: Request) -> int | None:
    """Returns the length that the headers announce for a streamed body, None if they do not. Raises ValueError."""
    value = request.headers.get("content-length")
    if value is None:
        return None
    if not (value.isascii() and value.isdigit()):
        raise ValueError("the content-length is not a number")
    return int(value)


@lru_cache(maxsize=512)
def header_name(name: bytes) -> istr:
    """The name of a received header, cached with its case-folded form, which is the slow part of making a multidict."""
    return istr(name.decode("latin-1"))


def header_value(value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value.decode("latin-1")


@lru_cache(maxsize=512)
def _prefix(name: str) -> str:
    """The start of a header line; "" for a header that the transport writes itself."""
    return "" if name.lower() in _OWN else f"{_token(name)}: "


@lru_cache(maxsize=512)
def _token(name: str) -> str:
    if not _TOKEN.fullmatch(name):
        raise ValueError("a method or a header name is not a token")
    return name
