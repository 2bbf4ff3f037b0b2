"""Asks the model for JSON with `fidelity: safe`: at a service that speaks OpenAI's API, or through a route.

Rule: a conversation that is no chat of OpenAI's is asked with its texts alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import msgspec

from aigw.clients.callout import Callout
from aigw.core.aside import aside
from aigw.core.asking import AskError, Models, Question
from aigw.core.dialect import Asked, Said
from aigw.core.exchange import Exchange
from aigw.dialects import apis
from aigw.dialects.question import PATH, chat
from aigw.higress.gjson import GjsonPath
from aigw.higress.json_response import content_in, plainly
from aigw.plugins.ai_json_resp.config import CONTENT, Config

Turns = Sequence[tuple[Said, str]]


class Model(Protocol):
    async def ask(self, exchange: Exchange, before: Turns, behind: Turns) -> str:
        """Returns the answer to the conversation of a request, with turns before and behind it. Raises CalloutError,
        AskError, JsonResponseError, and ValueError if the request has no conversation."""
        ...


class ServiceModel:
    def __init__(self, config: Config, callout: Callout) -> None:
        self._callout = callout
        self._path = config.address[1] or PATH
        self._model = config.model
        self._headers = {"authorization": f"Bearer {config.api_key}"} if config.api_key else {}
        self._content = GjsonPath(config.content_path or CONTENT)

    async def ask(self, exchange: Exchange, before: Turns, behind: Turns) -> str:
        asked, request = exchange.asked, exchange.request
        if exchange.api == apis.CHAT and not self._model:
            request.seal()
            body = await aside(len(request.body), plainly, request.body, before, behind)
        else:
            turns = [*before, *await said(exchange), *behind]
            body = chat(turns, self._model or asked.model, asked.max_tokens)
        answer = await self._callout.post(self._path, self._headers, msgspec.Raw(body))
        return content_in(answer, self._content)


class RouteModel:
    def __init__(self, config: Config, models: Models | None) -> None:
        self._models = models
        self._route = config.route or ""
        self._model = config.model
        self._seconds = config.seconds

    async def ask(self, exchange: Exchange, before: Turns, behind: Turns) -> str:
        if self._models is None:
            raise AskError("no route can be asked here")
        asked = exchange.asked
        turns = [*before, *await said(exchange), *behind]
        model = self._model or asked.model
        return await self._models.ask(Question(turns, model, self._route, self._seconds, asked.max_tokens))


async def said(exchange: Exchange) -> list[tuple[Said, str]]:
    """Returns the texts of a conversation with who says them. Raises ValueError if there are none."""
    turns = await aside(len(exchange.request.body), _texts, exchange.asked)
    if not turns:
        raise ValueError("there is no conversation")
    return turns


def _texts(asked: Asked) -> list[tuple[Said, str]]:
    roles: dict[str, Said] = {"system": "system", "assistant": "assistant"}
    return [(roles.get(turn.role, "user"), turn.text) for turn in asked.turns if turn.text]
