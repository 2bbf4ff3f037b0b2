"""The models that can transform: one of DashScope, called as Higress calls it, or one behind a route of this
gateway."""

from __future__ import annotations

from typing import Protocol

from aigw.clients.callout import CalloutError
from aigw.clients.dashscope_text import DashScopeText
from aigw.core.asking import AskError, Models, Question
from aigw.core.dialect import Said
from aigw.plugins.ai_transformer.message import ModelError

EXPERT = "假设你是一个http 1.1协议专家，你的回答应该只包含http报文，除此之外不要有任何其他内容。"
"""Higress's own words: "You are an expert on HTTP 1.1. Your answer should be the HTTP message and nothing else"."""


class Model(Protocol):
    name: str
    """Tells models apart, for the cache."""

    async def write(self, prompt: str, text: str) -> str:
        """Returns what the model makes of a message that is written as `text`. Raises ModelError."""
        ...


class DashScopeModel:
    def __init__(self, client: DashScopeText, model: str) -> None:
        self.name = model
        self._client = client

    async def write(self, prompt: str, text: str) -> str:
        try:
            answer = await self._client.generate([("system", EXPERT), ("system", prompt), ("user", text)])
        except CalloutError as error:
            raise ModelError(str(error)) from None
        if answer.finish not in ("stop", ""):
            raise ModelError(f"the model's answer is not whole: {answer.finish}")
        return answer.text


class OwnModel:
    """A model of this gateway. With `route` "", the first route that takes a chat completion is asked."""

    def __init__(self, models: Models | None, route: str, model: str, seconds: float) -> None:
        self.name = f"{route} {model}"
        self._models = models
        self._route = route
        self._model = model
        self._seconds = seconds

    async def write(self, prompt: str, text: str) -> str:
        if self._models is None:
            raise ModelError("there is no gateway whose models could be asked")
        turns: list[tuple[Said, str]] = [("system", f"{EXPERT}\n{prompt}"), ("user", text)]
        try:
            return await self._models.ask(Question(turns, self._model, self._route, self._seconds))
        except AskError as error:
            raise ModelError(str(error)) from None
