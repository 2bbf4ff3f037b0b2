"""Sends a request to a gateway of this machine and reads its answer, whole or as it is written."""

from __future__ import annotations

import http.client
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from typing import Any, NamedTuple
from urllib.parse import quote, urlsplit

import msgspec
from multidict import CIMultiDict

from aigw.cli.sources.templates import TemplateCall
from aigw.core.answer import Reader
from aigw.core.content_coding import Decoding
from aigw.core.headers import ID_HEADER
from aigw.core.model import Chunk, Request
from aigw.core.tokens import Tokens
from aigw.dialects.json_values import encoded
from aigw.dialects.model_list import entries_of
from aigw.dialects.reader import MAX_PLAIN
from aigw.dialects.sse import EventSplitter
from aigw.dialects.table import dialect_of

SECONDS = 900.0
"""How long the gateway may be silent. It waits as long for a provider."""
_PIECE = 65536
HTTP_OK = 200


class UnreadableAnswerError(OSError):
    """The answer of the gateway cannot be read. The message says why."""


class AnswerSummary(NamedTuple):
    """Everything about an answer but its text. `error` is "" if it did not fail. `id` is the gateway's id of the
    request."""

    status: int
    model: str
    tokens: Tokens
    error: str
    id: str = ""


def place_of(url: str) -> str:
    """The address of a gateway, as people write it, without /v1."""
    place = url if "://" in url else f"http://{url}"
    return place.removesuffix("/").removesuffix("/v1")


def answer_of(url: str, call: TemplateCall, key: str = "") -> tuple[int, bytes]:
    """The status and the body of the answer. Raises OSError."""
    with _sent(url, call, key) as response:
        return response.status, _body(response)


def configuration_of(url: str) -> Mapping[str, Any] | None:
    """The configuration that the gateway at this address shows, None if it shows none. Raises OSError."""
    with _answering(url, "GET", "/-/config", {}, b"") as response:
        try:
            return msgspec.json.decode(response.read(), type=dict[str, Any]) if response.status == HTTP_OK else None
        except msgspec.DecodeError:
            return None


def models_at(url: str, key: str) -> list[str]:
    """The names that the gateway lists, none if it lists none. Raises OSError."""
    headers = {"authorization": f"Bearer {key}"} if key else {}
    with _answering(url, "GET", "/v1/models", headers, b"") as response:
        try:
            listed = entries_of(msgspec.json.decode(response.read()))
        except (msgspec.DecodeError, UnicodeDecodeError):
            return []
    return [each["id"] for each in listed or ()]


def whole_of(url: str, call: TemplateCall, key: str = "") -> tuple[AnswerSummary, str, bytes]:
    """Returns the summary of a plain answer, its text and its body. Raises OSError."""
    with _sent(url, call, key) as response:
        body = _body(response)
    told, text = _plain(response, call, body)
    return told, text, body


def stream_of(url: str, call: TemplateCall, say: Callable[[str], None], key: str = "") -> AnswerSummary:
    """Passes the text of a streamed answer to `say`, piece by piece. Raises OSError."""
    with _sent(url, call, key) as response:
        if response.status != HTTP_OK or not _has_events(response):
            told, text = _plain(response, call, _body(response))
            say(text)
            return told
        reader, splitter, done = _reader(call, streaming=True), EventSplitter(), 0
        reader.keep_all()
        for piece in _pieces(response):
            reader.feed(splitter.feed(piece))
            text = reader.text
            say(text[done:])
            done = len(text)
        error = reader.error or ("" if reader.ended else "the answer was cut off")
        return AnswerSummary(response.status, reader.model, reader.tokens, error, _id(response))


def _has_events(response: http.client.HTTPResponse) -> bool:
    return response.headers.get_content_type() == "text/event-stream"


def _plain(response: http.client.HTTPResponse, call: TemplateCall, body: bytes) -> tuple[AnswerSummary, str]:
    """Returns the summary of a plain answer, and its text."""
    if response.status != HTTP_OK:
        return AnswerSummary(response.status, "", Tokens(), body.decode("utf-8", "replace"), _id(response)), ""
    reader = _reader(call, streaming=False)
    reader.feed([Chunk(body, body)])
    return AnswerSummary(response.status, reader.model, reader.tokens, reader.error, _id(response)), reader.text


def _id(response: http.client.HTTPResponse) -> str:
    return response.headers.get(ID_HEADER, "")


def _body(response: http.client.HTTPResponse) -> bytes:
    return b"".join(_pieces(response))


def _pieces(response: http.client.HTTPResponse) -> Iterator[bytes]:
    """The body as it comes, without its content coding, which some providers choose unasked. Raises OSError."""
    try:
        decoding = Decoding(response.headers.get("content-encoding", ""), MAX_PLAIN)
        while piece := response.read1(_PIECE):
            if decoded := decoding.feed(piece):
                yield decoded
    except ValueError as error:
        raise UnreadableAnswerError(f"its answer cannot be read: {error}") from None


def _reader(call: TemplateCall, *, streaming: bool) -> Reader:
    dialect = dialect_of(call.api)
    request = Request("POST", call.call.path, "", CIMultiDict(), encoded(call.body))
    return dialect.reader(dialect.asked(request, call.api), streaming=streaming)


def _sent(url: str, call: TemplateCall, key: str) -> AbstractContextManager[http.client.HTTPResponse]:
    headers = {**call.call.headers, "content-type": "application/json"}
    own = call.call.key
    path = call.call.path
    if key and own.header:
        headers[own.header] = own.prefix + key
    elif key and own.query:
        path += f"{'&' if '?' in path else '?'}{own.query}={quote(key, safe='')}"
    return _answering(url, "POST", path, headers, encoded(call.body))


@contextmanager
def _answering(
    url: str, method: str, path: str, headers: Mapping[str, str], body: bytes
) -> Iterator[http.client.HTTPResponse]:
    parts = urlsplit(url)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = kind(parts.hostname or "", parts.port, timeout=SECONDS)
    try:
        connection.request(method, path, body or None, dict(headers))
        with connection.getresponse() as response:  # it may have taken the socket over
            yield response
    except http.client.HTTPException as error:
        raise OSError(f"the gateway broke off: {error!r}") from None
    finally:
        connection.close()


def refusal(status: int, body: bytes) -> str:
    """Returns the message of an error in any format."""
    try:
        error: Any = msgspec.json.decode(body)["error"]
        said = str(error["message"] if isinstance(error, dict) else error)
    except (msgspec.DecodeError, KeyError, TypeError, UnicodeDecodeError):
        said = body.decode("utf-8", "replace").strip() or "nothing was answered"
    return f"{said} (status {status})"
