"""ai-transformer exactly as in Higress: a model sees the whole message, and what it writes replaces all headers.

Where Higress crashes (no blank line in what the model wrote, no answer), the message passes as it is, which was
intended. Framing and the connection stay the gateway's, as they are Envoy's there."""

from __future__ import annotations

from multidict import CIMultiDict

from aigw.core.env import Env
from aigw.core.exchange import Exchange
from aigw.core.plugin import Next
from aigw.core.reply import Reply
from aigw.plugins.ai_transformer.http_text import NotHttpError, read_as_higress, write
from aigw.plugins.ai_transformer.message import FRAMING, Message, UnchangedError, is_binary, taken_as_higress
from aigw.plugins.ai_transformer.models import Model

MAX_BODY = 100 << 20
"""Envoy's limit for a buffered body, as ai-proxy raises it."""


class HigressTransformer:
    """Transforms messages as Higress does. Messages with an empty prompt are not transformed."""

    def __init__(self, request: str, response: str, model: Model, env: Env) -> None:
        self._request = request
        self._response = response
        self._model = model
        self._env = env

    async def __call__(self, exchange: Exchange, call_next: Next) -> Reply:
        if self._request:
            await self._on_request(exchange)
        reply = await call_next(exchange)
        return await self._on_response(exchange, reply) if self._response else reply

    async def _on_request(self, exchange: Exchange) -> None:
        request = exchange.request
        request.seal()
        if request.upload is not None or not _offered(request.headers):
            return
        start = {":authority": request.headers.get("host", ""), ":path": request.target, ":method": request.method}
        old = Message({**start, ":scheme": "http"}, request.headers, request.body)
        new = await self._written(self._request, old)
        if new is None:
            return
        request.method, request.headers = new.start[":method"], new.headers
        if new.start[":authority"] != old.start[":authority"]:
            request.headers["host"] = new.start[":authority"]
        request.path, _, request.query = new.start[":path"].partition("?")
        request.replace_body(new.body)
        request.parse()

    async def _on_response(self, exchange: Exchange, reply: Reply) -> Reply:
        if exchange.request.method == "HEAD" or not _offered(reply.headers):
            return reply
        chunk = await reply.whole(MAX_BODY)
        if chunk is None:
            return reply
        old = Message({":status": str(reply.status)}, reply.headers, chunk.raw)
        new = await self._written(self._response, old)
        if new is None:
            return reply
        return exchange.reply(new.body, status=int(new.start[":status"]), headers=new.headers)

    async def _written(self, prompt: str, message: Message) -> Message | None:
        """Returns the message that a model makes of this one, None if it must stay as it is."""
        headers = [(name.lower(), value) for name, value in message.headers.items() if name.lower() not in FRAMING]
        text = write(message.start, headers, message.body.decode("utf-8", "replace"))
        try:
            written = await self._model.write(prompt, text.encode("utf-8", "replace").decode())
            return taken_as_higress(message, read_as_higress(written))
        except (NotHttpError, UnchangedError) as error:
            self._env.log.warning("ai-transformer: a message stays as it is: %s", error)
            return None


def _offered(headers: CIMultiDict[str]) -> bool:
    """Whether Higress shows plugins a body with these headers."""
    return "content-encoding" not in headers and not is_binary(headers.get("content-type", ""))
