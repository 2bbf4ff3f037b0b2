"""ai-json-resp with `fidelity: safe`: in every API, with errors that its clients understand."""

from __future__ import annotations

import asyncio

from aigw.clients.callout import CalloutError
from aigw.core.answer import Answer
from aigw.core.asking import AskError
from aigw.core.dialect import Said
from aigw.core.env import Env
from aigw.core.errors import GatewayError
from aigw.core.exchange import Exchange
from aigw.core.model import Chunk
from aigw.core.plugin import Next
from aigw.core.reply import Fixed, Reply
from aigw.core.tokens import Tokens
from aigw.dialects.json_values import json_text
from aigw.higress.json_response import EMPTY, MISMATCH, NO_JSON, UNAVAILABLE, USED_UP, JsonResponseError
from aigw.plugins.ai_json_resp.config import Config
from aigw.plugins.ai_json_resp.json_in_text import FoundJson, NoJsonError, find
from aigw.plugins.ai_json_resp.model_calls import Model
from aigw.plugins.ai_json_resp.schema import JsonSchema

NAME = "ai-json-resp"
LARGE = 16 * 1024
"""A longer answer is checked in a thread: it takes more than 1 ms."""
DISPOSITION = {"content-disposition": 'attachment; filename="response.json"'}


class SafeJsonResponse:
    def __init__(self, config: Config, model: Model, env: Env) -> None:
        self._config = config
        self._model = model
        self._env = env
        schema = config.schema
        self._schema = JsonSchema(schema, swagger=config.swagger) if schema is not None else None
        wanted = "JSON" if schema is None else f"JSON that is valid against this JSON Schema: {json_text(schema)}"
        self._instruction = f"Answer with {wanted}\nSay nothing but the JSON."

    async def __call__(self, exchange: Exchange, call_next: Next) -> Reply:
        if not exchange.request.is_json or not exchange.asked.generates:
            return await call_next(exchange)
        before: list[tuple[Said, str]] = [("system", self._instruction)]
        behind: list[tuple[Said, str]] = []
        code, problem = USED_UP, ""
        for number in range(self._config.tries):
            text = await self._ask(exchange, before, behind)
            found, code, problem = await self._checked(text)
            if found is not None:
                exchange.labels.remarks[NAME] = f"JSON at try {number + 1}"
                return self._reply(exchange, found.text)
            again: Said = "user"
            behind += [("assistant", text or "-"), (again, f"That is wrong: {problem}\n{self._instruction}")]
        raise _refused(exchange, USED_UP, f"no answer of {self._config.tries} is such JSON; the last: {code} {problem}")

    async def _ask(self, exchange: Exchange, before: list[tuple[Said, str]], behind: list[tuple[Said, str]]) -> str:
        """Raises GatewayError."""
        try:
            return await self._model.ask(exchange, before, behind)
        except (CalloutError, AskError) as error:
            raise _refused(exchange, UNAVAILABLE, f"the model cannot be asked: {error}") from None
        except JsonResponseError as error:
            raise _refused(exchange, error.code, str(error)[:500]) from None
        except ValueError as error:
            raise GatewayError(400, f"{NAME}: {error}", code="invalid_body") from None

    async def _checked(self, text: str) -> tuple[FoundJson | None, int, str]:
        """Returns the JSON in an answer, or None with Higress's code and what is wrong."""
        if not text.strip():
            return None, EMPTY, "the answer is empty"
        return await asyncio.to_thread(self._check, text) if len(text) > LARGE else self._check(text)

    def _check(self, text: str) -> tuple[FoundJson | None, int, str]:
        try:
            found = find(text)
        except NoJsonError as error:
            return None, NO_JSON, str(error)
        problem = self._schema.problem(found.value) if self._schema is not None else ""
        return (None, MISMATCH, problem) if problem else (found, 0, "")

    def _reply(self, exchange: Exchange, text: str) -> Reply:
        asked = exchange.asked
        streams = asked.stream and not asked.array
        if not streams and not self._config.as_completion:
            headers = {"content-type": "application/json"}
            added = DISPOSITION if self._config.enable_content_disposition else {}
            return exchange.reply(text.encode("utf-8", "replace"), headers=headers | added)
        writer = exchange.dialect.writer(asked, self._env.new_id(), int(self._env.clock.time()))
        answer, usage = Answer(text), Tokens()
        if not streams:
            return exchange.reply(writer.whole([answer], usage), headers={"content-type": "application/json"})
        events = [
            *writer.opening(0, None),
            *writer.piece(0, text, None),
            *writer.closing(0, answer),
            *writer.end(usage if asked.wants_usage else None),
        ]
        headers = {"content-type": "text/event-stream; charset=utf-8"}
        return exchange.reply(Fixed(*map(Chunk, events)), headers=headers, streaming=True)


def _refused(exchange: Exchange, code: int, message: str) -> GatewayError:
    exchange.labels.remarks[NAME] = f"{code}"
    return GatewayError(
        502, f"{NAME} {code}: {message}", kind="upstream_error", code=f"json_{code}",
        headers={"x-should-retry": "false"},
    )  # fmt: skip
