"""A request or an answer while it is transformed: what a model is shown of it, and what it may change.

Rule: a model neither sees nor changes headers that tell who the client is, that belong to one connection, or that
describe the bytes. A header that it was shown and does not write again is removed, as in Higress."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import msgspec
from multidict import CIMultiDict

from aigw.core.headers import CREDENTIALS, HOP_BY_HOP, PRIVATE, PRIVATE_STARTS
from aigw.plugins.ai_transformer.formats import FormatError, check_xml
from aigw.plugins.ai_transformer.http_text import HttpText, unfenced_body

OF_BYTES = frozenset(("content-length", "content-encoding", "content-md5", "digest", "etag"))
"""Headers that describe the bytes of a body, and are wrong for another body."""
FRAMING = HOP_BY_HOP | OF_BYTES | {"host", "expect"}
WITHHELD = FRAMING.union(
    CREDENTIALS,
    PRIVATE,
    ("set-cookie", "www-authenticate", "via", "date", "age", "x-request-id", "request-id", "traceparent", "tracestate"),
)
"""A model does not see them. Those that are other ones in each message would keep equal messages from being equal."""
_STATUS = re.compile(r"[2-5]\d\d")
_METHOD = re.compile(r"[A-Z][A-Z-]{0,19}")
_AUTHORITY = re.compile(r"[\w.:\[\]-]{1,255}", re.ASCII)
_PATH = re.compile(r"/[!-\"$-~]*")
CHARSET = re.compile(r";\s*charset=\"?([\w-]+)\"?", re.IGNORECASE)


class UnchangedError(Exception):
    """The message stays as it is. `str(error)` says why. `passing` is true if it is of a kind that is not transformed
    at all, so that this is no failure."""

    def __init__(self, reason: str, *, passing: bool = False) -> None:
        super().__init__(reason)
        self.passing = passing


class ModelError(UnchangedError):
    """A model did not answer, or not with a message."""


@dataclass(slots=True)
class Message:
    """An HTTP message. `start` has `:method` and `:path` of a request (in Higress also `:authority`), or `:status` of
    an answer. `body` has no content coding."""

    start: dict[str, str]
    headers: CIMultiDict[str]
    body: bytes

    @property
    def content_type(self) -> str:
        return self.headers.get("content-type", "")

    def with_body(self, body: bytes) -> Message:
        """Returns the message with another body, without the headers that describe the old body."""
        headers = self.headers.copy()
        for name in OF_BYTES:
            headers.popall(name, None)
        return replace(self, headers=headers, body=body)


def shown(message: Message) -> HttpText:
    """Returns what a model sees of a message. Raises UnchangedError for a body that is no text."""
    return HttpText(message.start, shown_headers(message), text_of(message))


def shown_headers(message: Message) -> list[tuple[str, str]]:
    return [(name.lower(), value) for name, value in message.headers.items() if not _withheld(name)]


def text_of(message: Message) -> str:
    try:
        text = message.body.decode()
    except UnicodeDecodeError:
        text = "\0"
    if "\0" in text or is_binary(message.content_type):
        raise UnchangedError("the body is no text in UTF-8", passing=True)
    return text


def is_binary(content_type: str) -> bool:
    """Whether Higress shows no plugin a body of this type."""
    return "octet-stream" in content_type.lower() or "grpc" in content_type.lower()


def taken(message: Message, written: HttpText) -> Message:
    """Returns the message as a model wrote it. Raises ModelError if it cannot be sent as it is written."""
    headers = CIMultiDict((name, value) for name, value in message.headers.items() if _withheld(name))
    headers.extend((name, value) for name, value in written.headers if not _withheld(name))
    kind = headers.get("content-type", "")
    if (charset := CHARSET.search(kind)) and charset[1].lower() not in ("utf-8", "utf8"):
        headers["content-type"] = kind = CHARSET.sub("; charset=utf-8", kind)
    text = written.body
    if "markdown" not in kind:
        text = unfenced_body(text)
    body = text.encode("utf-8", "replace")
    _check_body(kind, body)
    new = Message(_start(message.start, written), headers, message.body)
    return new if body == message.body else new.with_body(body)


def taken_as_higress(message: Message, written: HttpText) -> Message:
    """Returns the message as a model wrote it, with all of the model's headers except those of the connection."""
    headers = CIMultiDict((name, value) for name, value in message.headers.items() if name.lower() in FRAMING)
    headers.extend((name, value) for name, value in written.headers if name not in FRAMING)
    new = Message(_start(message.start, written), headers, message.body)
    return new.with_body(written.body.encode("utf-8", "replace"))


@lru_cache(maxsize=512)
def _withheld(name: str) -> bool:
    name = name.lower()
    return name in WITHHELD or name.startswith(PRIVATE_STARTS)


_ALLOWED = {":status": _STATUS, ":method": _METHOD, ":path": _PATH, ":authority": _AUTHORITY}


def _start(old: dict[str, str], written: HttpText) -> dict[str, str]:
    """Returns the start of the message as the model wrote it. A model may only change what it saw. Raises ModelError
    for an invalid method, path, status or authority."""
    new = dict(old)
    for name, allowed in _ALLOWED.items():
        if name in old and name in written.start:
            new[name] = written.start[name].strip()
            if new[name] != old[name] and not allowed.fullmatch(new[name]):
                raise ModelError(f"the model wrote {name} {new[name][:60]!r}")
    return new


def _check_body(kind: str, body: bytes) -> None:
    """Raises ModelError for a body that is not of its type: it may have been cut off."""
    kind = kind.partition(";")[0].strip().lower()
    try:
        if body and (kind.endswith(("/json", "+json"))):
            msgspec.json.decode(body, type=Any)
        elif body and kind.endswith(("/xml", "+xml")):
            check_xml(body)
    except (ValueError, RecursionError, FormatError) as error:
        raise ModelError(f"the model wrote a body that is not {kind}: {error}") from None
