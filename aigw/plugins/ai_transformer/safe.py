"""ai-transformer with `fidelity: safe`.

Rule: what cannot be transformed goes on as it is, and the header, the log and the terminal say why."""

from __future__ import annotations

from aigw.core.env import Env
from aigw.core.exchange import Exchange
from aigw.core.headers import without_credentials
from aigw.core.plain import header_text, plain
from aigw.core.plugin import Next
from aigw.core.reply import Reply
from aigw.dialects import paths
from aigw.dialects.paths import Place
from aigw.dialects.table import dialect_for
from aigw.plugins.ai_transformer.bodies import ask_for_whole, body_of, check_request, drop
from aigw.plugins.ai_transformer.message import OF_BYTES, Message, ModelError, UnchangedError
from aigw.plugins.ai_transformer.transformation import Transformation

NAME = "ai-transformer"
HEADER = "x-aigw-transformer"
_SHOWN = 500


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
            ask_for_whole(exchange.request.headers)
        reply = await call_next(exchange)
        if self._response is not None:
            reply = await self._on_response(exchange, reply, self._response, told)
        if told:
            exchange.labels.remarks[NAME] = "; ".join(told)
            reply.headers[HEADER] = header_text("; ".join(told), _SHOWN)
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
                check_request(exchange, self._limit)
            new, note = await transformation(old)
            _put(exchange, old, new)
        except UnchangedError as error:
            self._tell("request", error, told)
            return isinstance(error, ModelError)
        told.append(_done("request", note))
        return False

    async def _on_response(
        self, exchange: Exchange, reply: Reply, transformation: Transformation, told: list[str]
    ) -> Reply:
        try:
            body = b""
            if transformation.reads_body:
                body = await body_of(exchange, reply, self._limit)
            old = Message({":status": str(reply.status)}, reply.headers, body)
            new, note = await transformation(old)
        except UnchangedError as error:
            if exchange.request.method == "HEAD":
                drop(reply.headers, OF_BYTES)  # they are those of the answer that a GET would transform
            self._tell("response", error, told)
            reply.makeshift = reply.makeshift or isinstance(error, ModelError)
            return reply
        told.append(_done("response", note))
        if not transformation.reads_body:
            reply.headers = new.headers
            return reply
        headers = new.headers.copy()
        drop(headers, OF_BYTES)
        made = exchange.reply(new.body, status=int(new.start[":status"]), headers=headers)
        made.makeshift = reply.makeshift
        return made

    def _tell(self, what: str, error: UnchangedError, told: list[str]) -> None:
        told.append(f"{what} unchanged: {error}")
        if not error.passing:
            self._env.log.warning("ai-transformer: the %s stays as it is: %s", what, plain(str(error)))


def _put(exchange: Exchange, old: Message, new: Message) -> None:
    """Puts a transformed message into the request. Raises ModelError for a path that the request may not get."""
    request = exchange.request
    place = _place(exchange, new) if new.start[":path"] != old.start[":path"] else None
    request.method, request.headers = new.start[":method"], new.headers
    if new.body != old.body:
        request.replace_body(new.body)
        request.parse()
    if place is not None:
        keys = [pair for pair in request.query.split("&") if not without_credentials(pair)]
        request.path, request.given = place.path, place.given
        request.query = "&".join(filter(None, (new.start[":path"].partition("?")[2], *keys)))
        _read_anew(exchange, place.api)


def _place(exchange: Exchange, new: Message) -> Place:
    """Returns where a new path leads. Refuses a path that no API has, because a request with the provider's key would
    go there."""
    path = new.start[":path"].partition("?")[0]
    try:
        place = paths.read(path)
    except ValueError as error:
        raise ModelError(f"the model wrote :path {path[:60]!r}: {error}") from None
    if path != exchange.request.path and not place.api and exchange.route.target is None:
        raise ModelError(f"the model wrote :path {path[:60]!r}, which no API has")
    return place


def _target(path: str, query: str) -> str:
    return f"{path}?{query}" if query else path


def _read_anew(exchange: Exchange, api: str) -> None:
    """Lets the rest of the chain see the request under the API of its new path."""
    if api == exchange.api:
        return
    request = exchange.request
    exchange.api = api
    exchange.dialect = exchange.wire = dialect_for(api, request.headers, request.path)
    exchange.asked = exchange.dialect.asked(request, api)
    exchange.named = exchange.named or exchange.asked.model


def _done(what: str, note: str) -> str:
    return f"{what} transformed, {note}" if note else f"{what} transformed"
