"""ai-transformer with `fidelity: safe`.

Rule: what cannot be transformed goes on as it is, and the header, the log and the terminal say why."""

from __future__ import annotations

from multidict import CIMultiDict

from aigw.core.content_coding import Decoding
from aigw.core.env import Env
from aigw.core.exchange import Exchange
from aigw.core.headers import without_credentials
from aigw.core.plain import plain
from aigw.core.plugin import Next
from aigw.core.reply import Reply
from aigw.dialects import paths
from aigw.dialects.table import dialect_for
from aigw.plugins.ai_transformer.message import OF_BYTES, Message, ModelError, UnchangedError
from aigw.plugins.ai_transformer.transformation import Transformation

NAME = "ai-transformer"
HEADER = "x-aigw-transformer"
_SHOWN = 500
_LIVE = ("event-stream", "ndjson", "jsonl", "json-seq", "multipart/")
"""In the content types of bodies that come piece by piece as they are made."""
_PARTIAL = ("range", "if-range")


class SafeTransformer:
    """Without `request` or `response`, these are not transformed. `limit` is the longest body, in bytes."""

    def __init__(self, request: Transformation | None, response: Transformation | None, limit: int, env: Env) -> None:
        self._request = request
        self._response = response
        self._limit = limit
        self._env = env

    async def __call__(self, exchange: Exchange, call_next: Next) -> Reply:
        told: list[str] = []
        failed = False
        if self._request is not None:
            failed = await self._on_request(exchange, self._request, told)
        if self._response is not None and self._response.reads_body:
            _ask_for_whole(exchange.request.headers)
        reply = await call_next(exchange)
        if self._response is not None:
            reply = await self._on_response(exchange, reply, self._response, told)
        if told:
            exchange.labels.remarks[NAME] = "; ".join(told)
            reply.headers[HEADER] = _line("; ".join(told))
        reply.makeshift = reply.makeshift or failed
        return reply

    async def _on_request(self, exchange: Exchange, transformation: Transformation, told: list[str]) -> bool:
        """Returns whether a model failed."""
        request = exchange.request
        request.seal()
        start = {":method": request.method, ":path": _target(request.path, without_credentials(request.query))}
        old = Message(start, request.headers, request.body)
        try:
            if transformation.reads_body:
                _check_request(exchange, self._limit)
            new, kept = await transformation(old)
            _put(exchange, old, new)
        except UnchangedError as error:
            self._tell("request", error, told)
            return isinstance(error, ModelError)
        told.append(_done("request", kept=kept))
        return False

    async def _on_response(
        self, exchange: Exchange, reply: Reply, transformation: Transformation, told: list[str]
    ) -> Reply:
        try:
            body = b""
            if transformation.reads_body:
                body = await _body(exchange, reply, self._limit)
            old = Message({":status": str(reply.status)}, reply.headers, body)
            new, kept = await transformation(old)
        except UnchangedError as error:
            self._tell("response", error, told)
            reply.makeshift = reply.makeshift or isinstance(error, ModelError)
            return reply
        told.append(_done("response", kept=kept))
        if not transformation.reads_body:
            reply.headers = new.headers
            return reply
        headers = CIMultiDict((name, value) for name, value in new.headers.items() if name.lower() not in OF_BYTES)
        made = exchange.reply(new.body, status=int(new.start[":status"]), headers=headers)
        made.makeshift = reply.makeshift
        return made

    def _tell(self, what: str, error: UnchangedError, told: list[str]) -> None:
        told.append(f"{what} unchanged: {error}")
        if not error.passing:
            self._env.log.warning("ai-transformer: the %s stays as it is: %s", what, plain(str(error)))


def _check_request(exchange: Exchange, limit: int) -> None:
    """Raises UnchangedError for a body that is not here as a whole, or too long."""
    request = exchange.request
    if request.stream is not None or "content-encoding" in request.headers:
        raise UnchangedError("the body is passed on piece by piece", passing=True)
    if len(request.body) > limit:
        raise UnchangedError(_too_long(limit), passing=True)


async def _body(exchange: Exchange, reply: Reply, limit: int) -> bytes:
    """The whole body, without its coding. Raises UnchangedError for one that must go on as it comes."""
    kind = reply.headers.get("content-type", "").lower()
    if exchange.request.method == "HEAD" or reply.status in (204, 205, 304):
        raise UnchangedError("there is no body", passing=True)
    if reply.streaming or any(name in kind for name in _LIVE):
        raise UnchangedError("it is a stream of events", passing=True)
    if reply.status == 206:
        raise UnchangedError("it is a part of an answer", passing=True)
    chunk = await reply.whole(limit)
    if chunk is None or len(chunk.raw) > limit:
        raise UnchangedError(_too_long(limit), passing=True)
    coding = ",".join(reply.headers.getall("content-encoding", ()))
    if not coding:
        return chunk.raw
    try:
        decoding = Decoding(coding, limit)
        body = decoding.feed(chunk.raw)
    except (ValueError, ImportError) as error:
        raise UnchangedError(f"the body cannot be decoded: {error}", passing=True) from None
    if not decoding.complete:
        raise UnchangedError("the body cannot be decoded: it is cut off", passing=True)
    return body


def _put(exchange: Exchange, old: Message, new: Message) -> None:
    """Makes a request what it has become. Raises UnchangedError for a path that cannot be read in one way."""
    request = exchange.request
    path, _, query = new.start[":path"].partition("?")
    try:
        place = paths.read(path)
    except ValueError as error:
        raise ModelError(f"the model wrote :path {path[:60]!r}: {error}") from None
    request.method, request.headers = new.start[":method"], new.headers
    if new.body != old.body:
        request.replace_body(new.body)
        request.parse()
    if new.start[":path"] != old.start[":path"]:
        keys = [pair for pair in request.query.split("&") if not without_credentials(pair)]
        request.path, request.given = place.path, place.given
        request.query = "&".join(filter(None, (query, *keys)))
        _read_anew(exchange, place.api)


def _target(path: str, query: str) -> str:
    return f"{path}?{query}" if query else path


def _read_anew(exchange: Exchange, api: str) -> None:
    """What comes behind sees the request under the API of its new path."""
    if api == exchange.api:
        return
    request = exchange.request
    exchange.api = api
    exchange.dialect = exchange.wire = dialect_for(api, request.headers, request.path)
    exchange.asked = exchange.dialect.asked(request, api)
    exchange.named = exchange.named or exchange.asked.model


def _ask_for_whole(headers: CIMultiDict[str]) -> None:
    """What comes back shall be a whole answer without a content coding."""
    if "accept-encoding" in headers:
        headers["accept-encoding"] = "identity"
    for name in _PARTIAL:
        headers.popall(name, None)


def _done(what: str, *, kept: bool) -> str:
    return f"{what} transformed, from the cache" if kept else f"{what} transformed"


def _too_long(limit: int) -> str:
    return f"the body has more than {limit} bytes (maxBody)"


def _line(text: str) -> str:
    """One line of ASCII for a header."""
    return plain(" ".join(text.split())).encode("ascii", "replace").decode()[:_SHOWN]
