"""ai-security-guard exactly as in Higress: the last message of a chat is checked, and the text of the answer.

In a stream of the form of June 2024, an empty text is checked, so that nothing is ever denied there."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from operator import attrgetter
from typing import Any

from aigw.core.aside import aside
from aigw.core.env import Env
from aigw.core.exchange import Exchange
from aigw.core.model import Batch, Chunk
from aigw.core.plugin import Next
from aigw.core.reply import Reply
from aigw.dialects.json_values import decoded, encoded
from aigw.higress.gjson import GjsonPath
from aigw.higress.moderation import ANSWER_PATH, ANTHROPIC_ANSWER, ANTHROPIC_EVENT, EVENT_PATH, question, request_text
from aigw.plugins.ai_security_guard.config import Config
from aigw.plugins.ai_security_guard.decision import PASS
from aigw.plugins.ai_security_guard.moderation import Check, Phase, count
from aigw.plugins.ai_security_guard.refusals import Refusals

MOST_BYTES = 64 * 1024 * 1024
BUFFER = 1000

Checks = Callable[[Exchange, Phase], Check]


class HigressGuard:
    """The guard of today's Higress."""

    def __init__(self, config: Config, checks: Checks, refusals: Refusals, env: Env) -> None:
        self._config = config
        self._checks = checks
        self._refusals = refusals
        self._env = env
        api = config.api_type if config.multi else ""
        self._asked = request_text(api, config.request_content_json_path, config.provider_type)
        self._answer = [GjsonPath(config.response_content_json_path or ANSWER_PATH), GjsonPath(ANTHROPIC_ANSWER)]
        self._event = [GjsonPath(config.response_stream_content_json_path or EVENT_PATH), GjsonPath(ANTHROPIC_EVENT)]
        self._buffer = config.buffer_limit or BUFFER

    async def __call__(self, exchange: Exchange, call_next: Next) -> Reply:
        if self._config.check_request and (refused := await self._request(exchange)) is not None:
            return refused
        if self._config.check_request_image and (refused := await self._images(exchange)) is not None:
            return refused
        reply = await call_next(exchange)
        if not self._config.check_response or reply.status != 200:
            return reply
        check = self._checks(exchange, "response")
        if reply.streaming:
            return reply.through(lambda batches: self._stream(exchange, check, batches))
        chunk = await reply.whole(MOST_BYTES)
        decision = PASS if chunk is None else await check.text(await _text(self._answer, chunk))
        if decision.kind != "deny":
            return reply
        count(self._env, "ai_sec_response_deny")
        exchange.labels.guard = "denied"
        return self._refusals.reply(exchange, decision, "response", streaming=False)

    async def _request(self, exchange: Exchange) -> Reply | None:
        body = await _body(exchange)
        text = await aside(len(exchange.request.body), self._asked, body)
        decision = await self._checks(exchange, "request").text(text)
        if decision.kind == "deny":
            count(self._env, "ai_sec_request_deny")
            exchange.labels.guard = "denied"
            return self._refusals.reply(exchange, decision, "request", streaming=bool(exchange.asked.stream))
        if decision.kind == "mask":
            count(self._env, "ai_sec_request_mask")
            exchange.request.replace_body(encoded(_replaced(body, text, decision.masked)))
        return None

    async def _images(self, exchange: Exchange) -> Reply | None:
        check = self._checks(exchange, "request")
        size = len(exchange.request.body)
        for image in await aside(size, attrgetter("images"), exchange.asked) if exchange.request.is_json else ():
            decision = await check.image(image)
            if decision.kind == "deny":
                count(self._env, "ai_sec_request_deny")
                exchange.labels.guard = "denied"
                return self._refusals.reply(exchange, decision, "request", streaming=bool(exchange.asked.stream))
        return None

    async def _stream(self, exchange: Exchange, check: Check, batches: AsyncIterator[Batch]) -> AsyncIterator[Batch]:
        """Windows are checked when as many events are held as one may have characters, and at the end."""
        held: list[Chunk] = []
        denied = False
        async for batch in batches:
            held += batch
            if len(held) >= self._buffer and not denied:
                out, denied = await self._release(exchange, check, held, last=False)
                yield out
        if not denied:
            out, _ = await self._release(exchange, check, held, last=True)
            yield out

    async def _release(
        self, exchange: Exchange, check: Check, held: list[Chunk], *, last: bool
    ) -> tuple[list[Chunk], bool]:
        """Takes what may leave out of `held`. Returns it, and whether a denial is at its end."""
        out: list[Chunk] = []
        while held:
            size, text = 0, ""
            while size < len(held) and len(text) < self._buffer:
                text += _first(self._event, held[size].json())
                size += 1
            if len(text) < self._buffer and not last:
                break
            decision = await check.text(text)
            if decision.kind == "deny":
                count(self._env, "ai_sec_response_deny")
                exchange.labels.guard = "denied"
                out.append(Chunk(self._refusals.ending(exchange, decision, None)))
                return out, True
            out += held[:size]
            del held[:size]
        return out, False


class OriginalGuard:
    """The guard of Higress in June 2024."""

    def __init__(self, checks: Checks, refusals: Refusals) -> None:
        self._checks = checks
        self._refusals = refusals

    async def __call__(self, exchange: Exchange, call_next: Next) -> Reply:
        text = question(await _body(exchange))
        if text is not None:
            decision = await self._checks(exchange, "request").text(text)
            if decision.kind == "deny":
                return self._refusals.reply(exchange, decision, "request", streaming=False)
        reply = await call_next(exchange)
        chunk = await reply.whole(MOST_BYTES)
        found = "" if chunk is None or reply.streaming else await _text([GjsonPath(ANSWER_PATH)], chunk)
        check = self._checks(exchange, "response")
        decision = await check.text(found, empty=True)
        if decision.kind == "deny":
            return self._refusals.reply(exchange, decision, "response", streaming=False)
        return reply


async def _body(exchange: Exchange) -> Any:
    """The value of a JSON body, None if it is none."""
    request = exchange.request
    if not request.is_json:
        return None
    request.seal()
    try:
        return await aside(len(request.body), decoded, request.body)
    except ValueError:
        return None


async def _text(paths: list[GjsonPath], answer: Chunk) -> str:
    """The text of a plain answer, "" if it has none."""
    return await aside(len(answer.raw), lambda: _first(paths, answer.json()))


def _first(paths: list[GjsonPath], body: Any) -> str:
    found = (path.get(body) for path in paths) if body is not None else ()
    return next((text for text in found if isinstance(text, str) and text), "")


def _replaced(value: Any, old: str, new: str) -> Any:
    """A copy with another text in the place of this one."""
    if isinstance(value, str):
        return new if value == old else value
    if isinstance(value, dict):
        return {name: _replaced(each, old, new) for name, each in value.items()}
    if isinstance(value, list):
        return [_replaced(each, old, new) for each in value]
    return value
