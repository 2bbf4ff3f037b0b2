"""Gives a provider its reasoning back where clients of chat completions leave it out.

DeepSeek and Kimi refuse a request with tools if an answer in it comes without its `reasoning_content`. Most clients of
OpenAI's API do not know this field. So the reasoning in front of calls is kept here, and put back into the messages
with these calls. The answers whose reasoning is not known get a blank one, such as those of another provider, or those
from before a restart: the conversation goes on, and the model thinks without them."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from contextlib import suppress
from functools import partial
from typing import Any

from aigw.core.answer import Reader
from aigw.core.aside import aside
from aigw.core.dialect import Asked, Turn
from aigw.core.exchange import Exchange
from aigw.core.layers import Outcome
from aigw.core.model import Request
from aigw.core.pending import Pending
from aigw.core.reply import Reply
from aigw.dialects import apis
from aigw.dialects.openai_chat_reasoning import return_reasoning
from aigw.providers.call import Call
from aigw.translation.hub import Thinking
from aigw.translation.kept_thoughts import KeptThought, KeptThoughts, key_of, questions_of
from aigw.translation.rules import NOT_KNOWN, Rules, matches

PATIENCE = 1.0
"""How many seconds a request waits until the reasoning of the answer before it is kept."""
Read = Callable[[Exchange, Call, Reply], Coroutine[Any, Any, Reply]]


class ReturnedReasoning:
    """`map` returns the model that stands for the one that a client names."""

    def __init__(self, rules: Rules, kept: KeptThoughts, map: Callable[[str], str]) -> None:
        self._rules = rules
        self._kept = kept
        self._map = map
        self._keeping = Pending(PATIENCE)
        """The answers that are being read, by consumer."""

    async def fill(self, exchange: Exchange, request: Request) -> None:
        """Puts the reasoning that is missing into a request for a chat with tools or calls."""
        if self._wants(exchange):
            await self._keeping.wait(exchange.consumer)
            await aside(len(request.body), self._fill, request, exchange.consumer)

    def reading(self, read: Read) -> Read:
        """Returns what reads a provider's answer as `read` does, and keeps its reasoning if it ends with calls."""

        async def reading(exchange: Exchange, call: Call, reply: Reply) -> Reply:
            return await read(exchange, call, self._watched(exchange, call, reply))

        return reading

    def _watched(self, exchange: Exchange, call: Call, reply: Reply) -> Reply:
        answer = exchange.answer
        if answer is None or call.translation is not None or call.api != apis.CHAT or not self._wants(exchange):
            return reply
        answer.keep_all()

        def ended(outcome: Outcome) -> None:
            answer = exchange.answer
            if outcome is Outcome.COMPLETE and answer is not None and answer.finish == "tool_calls":
                exchange.defer(self._keep, exchange, call.asked, answer, self._keeping.begin(exchange.consumer))

        return reply.tap(None, ended)

    def _wants(self, exchange: Exchange) -> bool:
        return matches(self._map(exchange.asked.model), self._rules.returns_reasoning)

    def _fill(self, request: Request, consumer: str) -> None:
        request.parse()
        if request.parsed is not None:
            with suppress(ValueError):  # of what is no chat the next steps say so
                return_reasoning(request.parsed, partial(self._reasoning, consumer))

    def _reasoning(self, consumer: str, answer: Turn, question: str) -> str:
        found = (self._kept.get(key_of(consumer, call.id, question)) for call in answer.calls)
        thoughts = next((kept.thoughts for kept in found if kept is not None), ())
        return "".join([thought.text for thought in thoughts]) or NOT_KNOWN

    async def _keep(self, exchange: Exchange, asked: Asked, answer: Reader, end: Callable[[], None]) -> None:
        consumer = exchange.consumer
        try:
            reasoning, ids = await aside(answer.size, _said, answer)
            if reasoning:
                kept = KeptThought((Thinking(reasoning),), "")
                questions = await aside(len(exchange.request.body), _questions, asked)
                for key in [key_of(consumer, id, question) for id in ids for question in questions]:
                    self._kept.put(key, kept)
        finally:
            end()


def _said(answer: Reader) -> tuple[str, list[str]]:
    """Returns the reasoning of an answer, and the ids of its calls."""
    return answer.reasoning, [call.id for call in answer.calls]


def _questions(asked: Asked) -> list[str]:
    return questions_of(asked.turns)
