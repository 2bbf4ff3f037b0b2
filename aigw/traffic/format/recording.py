"""The format of a recording: what one call sent and what came back, in one JSON file that people can read.

Rule: an answer is replayed from `pieces` alone. Everything else is there to be read, compared and searched for."""

from __future__ import annotations

from base64 import b64decode, b64encode
from datetime import datetime
from hashlib import sha256
from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

VERSION = 1
"""The version of the format that is written. `traffic.versions` reads older ones."""

MOST_MS = 7 * 24 * 3_600_000
"""The longest time in a recording, in milliseconds."""
Ms = Annotated[float, Meta(ge=0, le=MOST_MS)]
HeaderName = Annotated[str, Meta(pattern=r"\A[!#$%&'*+.^_`|~0-9A-Za-z-]+\Z")]
HeaderValue = Annotated[str, Meta(pattern=r"\A[^\x00\r\n]*\Z")]

Ended = Literal["complete", "broken", "left", "unreachable"]
"""How an answer ended: "broken" if its connection or framing failed, "left" if nobody read it to its end,
"unreachable" if there was no answer at all."""


class Blob(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Bytes: in `base64`, or in the side file `file` in the folder of the recording, whose content has this `sha256`
    (64 hex digits)."""

    base64: str = ""
    file: str = ""
    sha256: str = ""
    size: Annotated[int, Meta(ge=0)] = 0


class Part(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A part of a form. Of a file there are only its `size` in bytes and its `sha256`; `text` is a field's value."""

    name: str
    filename: str = ""
    content_type: str = ""
    text: str = ""
    sha256: str = ""
    size: int = 0


class SentRequest(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A request. Its body is in `json` if it is JSON, in `text` if it is other text, and otherwise in `body`. A form is
    in `body`, too, and `form` says what is in it. `headers` are those that may matter to the answer, in lower case and
    without credentials."""

    method: str
    path: str
    query: str = ""
    headers: dict[str, str] = {}
    json: msgspec.Raw | UnsetType = UNSET
    text: str = ""
    body: Blob | None = None
    form: list[Part] = []


class Source(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Where a recording comes from. `date` is UTC in ISO 8601. `dialect` is the name of the dialect of the answer, ""
    if a plugin made the call for itself. `service` is the type of the provider in the catalog, or else the host that
    was called; `name` is the provider's name in the configuration. `model` is the model that was sent. `config`
    identifies the configuration. `consumer` is the name of the client, "" if nobody knows it. `attempt` counts the
    calls of one request of a client, from 0. `folder` and `home` are the current folder and that of the user, if the
    request names them: by them its texts differ from those on another machine."""

    date: str
    api: str = ""
    dialect: str = ""
    service: str = ""
    name: str = ""
    origin: str = ""
    model: str = ""
    route: str = ""
    consumer: str = ""
    config: str = ""
    attempt: int = 0
    folder: str = ""
    home: str = ""


class Session(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The place of a call in a run: the session to which it belongs and its number there, from 1. `name` is what the
    client calls the session, "" if it gave it no name."""

    number: int
    position: int
    name: str = ""


class Call(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A call of a tool by the model. `arguments` is JSON text."""

    name: str
    arguments: str
    id: str = ""


class Folded(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The content of an answer, independent of how it was cut into events. `text` and `reasoning` are lists of lines,
    so that differences are short. `tokens` are by kind, as in `core.tokens`, empty if none were reported."""

    text: list[str] = []
    reasoning: list[str] = []
    calls: list[Call] = []
    finish: str = ""
    model: str = ""
    tokens: dict[str, int] = {}
    error: str = ""


class Head(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The head of an answer. `status` is 0 if there was none. Values of a header that came twice are joined by `, `."""

    status: int = 0
    headers: dict[HeaderName, HeaderValue] = {}

    def __post_init__(self) -> None:
        if self.status and not 200 <= self.status <= 999:
            raise ValueError(f"{self.status} is not the status of an answer")


class End(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How an answer ended, and after how many milliseconds. `fault` is the name of an `UpstreamFault`."""

    ended: Ended = "complete"
    after: Ms = 0
    fault: str = ""
    message: str = ""


Piece = tuple[Ms, str | Blob]
"""A piece of an answer's body as it arrived: the milliseconds since the request was sent, and its bytes."""


class Recording(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A whole recording. `key` is the key by which it is found, made by the rules with the digest `rules`. Without a
    key, or if the rules have changed, the key is made again from `request`. `redacted` is true if secrets were removed
    from bodies. `client` is the client's request, None if it is the same as the call's."""

    aigw: int
    key: str = ""
    rules: str = ""
    redacted: bool = False
    source: Source
    session: Session
    client: SentRequest | None = None
    request: SentRequest
    head: Head
    answer: Folded = Folded()
    end: End
    pieces: list[Piece] = []

    def __post_init__(self) -> None:
        check_version(self.aigw)


def check_version(version: int) -> None:
    """Raises ValueError if a recording has another version of the format."""
    if version != VERSION:
        raise ValueError(f"version {version} of the format of recordings, this aigw knows {VERSION}")


def blob(data: bytes) -> Blob:
    return Blob(base64=b64encode(data).decode(), sha256=sha256(data).hexdigest(), size=len(data))


def data_of(piece: str | Blob) -> bytes:
    """Returns the bytes of a piece that is not in a side file. Raises ValueError if they are not base64."""
    return piece.encode() if isinstance(piece, str) else b64decode(piece.base64, validate=True)


def json_of(request: SentRequest) -> Any:
    """Returns the decoded body of a request, None if it is not JSON."""
    return None if request.json is UNSET else msgspec.json.decode(request.json)


def seconds_of(date: str) -> float:
    """Returns the date of a recording in seconds since 1970, 0 if it is no date."""
    try:
        return datetime.fromisoformat(date).timestamp()
    except ValueError:
        return 0.0
