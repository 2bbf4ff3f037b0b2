"""Makes a recording of a call: takes the secrets out, folds the answer, and puts what is large or no text aside."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import unquote_plus

import msgspec
from msgspec import UNSET, UnsetType

from aigw.core.content_coding import Decoding
from aigw.dialects import form
from aigw.dialects.bodies import is_coded
from aigw.dialects.form_head import content_type_of, parameter_of
from aigw.higress.re2 import GoRegex
from aigw.traffic.format.call import Answered, Begun, Sent
from aigw.traffic.format.folding import folded, read
from aigw.traffic.format.recording import (
    VERSION,
    Blob,
    End,
    Ended,
    Folded,
    Head,
    Part,
    Piece,
    Recording,
    SentRequest,
    Session,
    Source,
    blob,
)
from aigw.traffic.format.scrubbing import Scrubber, hiding, telling

MAX_DECODED = 64 * 1024 * 1024
"""An answer with a content coding is searched for secrets up to this size, in bytes."""
LARGE = 256 * 1024
"""A body or answer with more bytes is in a side file."""
TAIL = 8
"""How many characters at the end of a secret count as a leak."""
SMALL_BINARY = 4 * 1024
"""Bytes that are no text are in the recording up to this number, otherwise in a side file."""

_FRAMING = ("content-length", "transfer-encoding")


class Key(NamedTuple):
    """The key of a recording, the digest of the rules by which it was made, and the folders for which its placeholders
    stand."""

    key: str
    rules: str
    folder: str = ""
    home: str = ""


class LeakError(Exception):
    """A call was not written because something in it still looks like a secret. The message says where."""


def recording_of(
    begun: Begun,
    answered: Answered,
    session: Session,
    key: Key,
    *,
    stem: str,
    secrets: Iterable[str],
    config: str,
    patterns: Sequence[GoRegex] = (),
) -> tuple[Recording, dict[str, bytes]]:
    """Returns the recording, and its side files by their names, which begin with `stem`. `secrets`, and what `patterns`
    find, are not in it. Raises LeakError."""
    hides = hiding(begun, secrets, patterns)
    sides: dict[str, bytes] = {}
    request, hidden = _request(begun.sent, hides, sides, f"{stem}.request.bin")
    client, more = None, False
    if begun.client is not None and begun.dialect and not _same(begun.client, begun.sent):
        clean = hides.request(begun.client)
        more = _had_some(begun.client, clean)
        if not _same(clean, hides.request(begun.sent)):  # a key in the query alone is no difference that is written
            client = request_of(clean, sides, f"{stem}.client.bin")
    headers = hides.headers(answered.headers)
    clear = _clear(answered, hides)
    if clear is not answered.pieces:
        headers = [(name, value) for name, value in headers if name != "content-encoding"]
        hidden = True
    reader = read(begun, headers, [data for _, data in clear])
    told = folded(reader)
    recording = Recording(
        aigw=VERSION,
        key=key.key,
        rules=key.rules,
        redacted=hidden or more,
        source=_source(begun, hides, key, config),
        session=session,
        client=client,
        request=request,
        head=Head(status=answered.status, headers=_joined([*headers, *_framing(answered, clear)])),
        answer=told,
        end=_end(answered, reader is not None and reader.ended, hides),
        pieces=_pieces(clear, sides, f"{stem}.answer.bin"),
    )
    _refuse_leaks(told, told if clear is answered.pieces else _content_of(begun, answered), hides)
    return recording, sides


def _content_of(begun: Begun, answered: Answered) -> Folded:
    return folded(read(begun, answered.headers, [data for _, data in answered.pieces]))


def _same(client: Sent, sent: Sent) -> bool:
    return (client.method, client.path, client.query, client.body) == (sent.method, sent.path, sent.query, sent.body)


def _request(sent: Sent, hides: Scrubber, sides: dict[str, bytes], file: str) -> tuple[SentRequest, bool]:
    """Returns a request without secrets, and whether it had some."""
    clean = hides.request(sent)
    return request_of(clean, sides, file), _had_some(sent, clean)


def _had_some(sent: Sent, clean: Sent) -> bool:
    """Whether there were secrets in the path or the body."""
    return clean.path != sent.path or clean.body is not sent.body


def request_of(sent: Sent, sides: dict[str, bytes], file: str = "") -> SentRequest:
    """Returns a request in the form of a recording, and adds the parts that belong into a side file to `sides`."""
    headers = dict(telling(sent.headers))
    json, text, aside = _body(sent.body, sides, file)
    return SentRequest(
        method=sent.method,
        path=sent.path,
        query=sent.query,
        headers=headers,
        json=json,
        text=text,
        body=aside,
        form=_form(sent.body, headers.get("content-type", "")),
    )


def _body(body: bytes, sides: dict[str, bytes], file: str) -> tuple[msgspec.Raw | UnsetType, str, Blob | None]:
    """Returns a body as JSON, as text or as bytes."""
    if not body:
        return UNSET, "", None
    if body.lstrip()[:1] in (b"{", b"["):
        try:
            msgspec.json.decode(body)
            return msgspec.Raw(body), "", None
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            pass  # it is kept as it is
    if (text := _text(body)) is not None and len(body) <= LARGE:
        return UNSET, text, None
    return UNSET, "", _aside(body, sides, file)


def _text(data: bytes) -> str | None:
    try:
        return data.decode()
    except UnicodeDecodeError:
        return None


def _aside(data: bytes, sides: dict[str, bytes], file: str) -> Blob:
    if len(data) <= SMALL_BINARY:
        return blob(data)
    sides[file] = data
    return Blob(file=file, sha256=hashlib.sha256(data).hexdigest(), size=len(data))


def _form(body: bytes, content_type: str) -> list[Part]:
    """Returns the parts of a form, [] if the body is no form."""
    parts = []
    for head, place in form.parts(body, content_type):
        value, filename = body[place], parameter_of(head, b"filename")
        text = None if filename else _text(value)
        parts.append(
            Part(
                name=parameter_of(head, b"name"),
                filename=filename,
                content_type=content_type_of(head),
                text=text or "",
                sha256=hashlib.sha256(value).hexdigest() if text is None else "",
                size=len(value) if text is None else 0,
            )
        )
    return parts


def _source(begun: Begun, hides: Scrubber, key: Key, config: str) -> Source:
    return Source(
        date=_date(int(begun.at)),
        api=begun.api,
        dialect=begun.dialect,
        service=begun.service,
        name=begun.name,
        origin=hides.text(begun.origin),
        model=hides.text(begun.model),
        route=begun.route,
        consumer=hides.text(begun.consumer),
        config=config,
        attempt=begun.attempt,
        folder=_if_named(key.folder, begun.sent),
        home=_if_named(key.home, begun.sent),
    )


def _if_named(folder: str, sent: Sent) -> str:
    """Returns a folder if the request may name it, else "": only then does it matter where that was, and a path with
    somebody's name stays out of what others read and compare."""
    name = re.split(r"[\\/]", folder.rstrip("\\/"))[-1]
    steps = f"/{name}", f"\\{name}"
    texts = sent.path, unquote_plus(sent.query), *(value for _, value in sent.headers)
    named = any(step.encode() in sent.body or any(step in text for text in texts) for step in steps)
    return folder if named or not name.isascii() else ""


@lru_cache(maxsize=1)
def _date(seconds: int) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}Z"


def _clear(answered: Answered, hides: Scrubber) -> list[tuple[float, bytes]]:
    """Returns the pieces of an answer without secrets; the same list if there are none. A secret may be cut by the
    pieces, and hidden by a content coding: then the answer becomes one piece, decoded."""
    pieces = answered.pieces
    whole = b"".join([data for _, data in pieces])
    headers = {name.lower(): value for name, value in answered.headers}
    decoded = _decoded(whole, headers) if is_coded(headers) else whole
    clear = hides.data(decoded)
    if clear is decoded:
        return pieces
    if decoded is whole and b"".join(each := [hides.data(data) for _, data in pieces]) == clear:
        return [(at, data) for (at, _), data in zip(pieces, each, strict=True)]
    return [(pieces[0][0], clear)]


def _decoded(data: bytes, headers: Mapping[str, str]) -> bytes:
    try:
        return Decoding(headers.get("content-encoding", ""), MAX_DECODED).feed(data)
    except (ValueError, ImportError) as error:
        if not data:
            return data
        raise LeakError(f"its content coding cannot be undone to look for secrets: {error}") from None


def _framing(answered: Answered, clear: list[tuple[float, bytes]]) -> list[tuple[str, str]]:
    """Returns the headers that say where the body ends, because an answer without them is judged differently, and one
    to HEAD would say nothing."""
    framing = [(name.lower(), value) for name, value in answered.headers if name.lower() in _FRAMING]
    if clear is answered.pieces:
        return framing
    length = str(sum(len(data) for _, data in clear))
    return [(name, length if name == "content-length" else value) for name, value in framing]


def _end(answered: Answered, complete: bool, hides: Scrubber) -> End:
    ended: Ended = "left"
    if answered.fault:
        ended = "broken" if answered.status else "unreachable"
    elif answered.whole or complete:
        ended = "complete"
    return End(ended=ended, after=_ms(answered.after), fault=answered.fault, message=hides.text(answered.message))


def _joined(headers: list[tuple[str, str]]) -> dict[str, str]:
    joined: dict[str, str] = {}
    for name, value in headers:
        joined[name] = f"{joined[name]}, {value}" if name in joined else value
    return joined


def _ms(seconds: float) -> float:
    return round(seconds * 1000, 1)


def _pieces(pieces: list[tuple[float, bytes]], sides: dict[str, bytes], file: str) -> list[Piece]:
    """Returns the pieces of an answer: events apart, each with the time of its piece."""
    whole = b"".join([data for _, data in pieces])
    if len(whole) > LARGE or (_text(whole) is None and len(whole) > SMALL_BINARY):
        sides[file] = whole
        digest = hashlib.sha256(whole).hexdigest()
        return [(_ms(at), Blob(file=file, sha256=digest, size=len(data))) for at, data in pieces]
    return [(_ms(at), _written(part)) for at, data in pieces for part in _events(data)]


def _events(data: bytes) -> list[bytes]:
    return [part + b"\n\n" for part in data[:-2].split(b"\n\n")] if data.endswith(b"\n\n") else [data]


def _written(data: bytes) -> str | Blob:
    text = _text(data)
    return blob(data) if text is None else text


def _refuse_leaks(told: Folded, said: Folded, hides: Scrubber) -> None:
    """Raises an error if an answer still spells a secret over several events: a whole one, or the end of one whose
    beginning was removed. `told` is the text that is written, `said` the text with its secrets."""
    words = _words(told)
    if hides.text(words) != words or any(secret[-TAIL:] in words for secret in hides.found(_words(said))):
        raise LeakError("the text of the answer spells what looks like a secret, over several events")


def _words(answer: Folded) -> str:
    return "\n".join([*answer.text, *answer.reasoning, *(call.arguments for call in answer.calls)])
