"""Gives a provider its reasoning back where clients of chat completions leave it out.

DeepSeek and Kimi refuse a request with tools if an answer in it comes without its `reasoning_content`, and Gemini at
OpenRouter one whose calls come without their `reasoning_details`. Most clients of OpenAI's API do not know these
fields. So the reasoning in front of calls is kept here, and put back into the messages with these calls. At DeepSeek
and Kimi the answers whose reasoning is not known get a blank one, such as those of another provider: the conversation
goes on, and the model thinks without them."""

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
from aigw.dialects.json_values import decoded, json_text
from aigw.dialects.openai_chat import CompletionsReader
from aigw.dialects.openai_chat_reasoning import DETAILS, TEXT, MissingReasoning, has_calls, has_tools, joined
from aigw.providers.call import Call
from aigw.providers.kept_reasoning import KeptFor, KeptReasoning
from aigw.translation.hub import Thinking
from aigw.translation.kept_thoughts import KeptThought, key_of, questions_of
from aigw.translation.rules import NOT_KNOWN, Rules, matches

PATIENCE = 1.0
"""How many seconds a request waits until the reasoning of the answer before it is kept."""
Read = Callable[[Exchange, Call, Reply], Coroutine[Any, Any, Reply]]


class ReturnedReasoning:
    """`map` returns the model that stands for the one that a client names."""

    def __init__(self, rules: Rules, kept: KeptReasoning, map: Callable[[str], str]) -> None:
        self._rules = rules
        self._field = DETAILS if rules.returns_details else TEXT
        self._kept = kept
        self._map = map
        self._keeping = Pending(PATIENCE)
        """The answers that are being read, by consumer."""

    @classmethod
    def of(cls, rules: Rules, kept: KeptReasoning, map: Callable[[str], str]) -> ReturnedReasoning | None:
        """Returns None if the provider wants no reasoning back."""
        return cls(rules, kept, map) if rules.returns_reasoning or rules.returns_details else None

    async def fill(self, exchange: Exchange, request: Request) -> None:
        """Puts the reasoning that is missing into a request for a chat with tools or calls."""
        if self._wants(exchange):
            await self._keeping.wait(exchange.consumer)
            if (missing := await aside(len(request.body), self._missing, request)) is not None:
                kept = self._kept.of(exchange)
                find = partial(self._find, missing, kept, exchange.consumer)
                found = await aside(len(request.body), find)
                if await kept.load():  # as after a restart
                    found = await aside(len(request.body), find)
                await aside(len(request.body), missing.fill, found)

    def reading(self, read: Read) -> Read:
        """Returns what reads a provider's answer as `read` does, and keeps its reasoning if it ends with calls."""

        async def reading(exchange: Exchange, call: Call, reply: Reply) -> Reply:
            return await read(exchange, call, self._watched(exchange, call, reply))

        return reading

    def _watched(self, exchange: Exchange, call: Call, reply: Reply) -> Reply:
        answer = exchange.answer
        if answer is None or call.translation is not None or call.api != apis.CHAT or not self._wants(exchange):
            return reply
        if self._field == DETAILS and not _has_tools(exchange):
            return reply
        answer.keep_all()
        kept = self._kept.of(exchange)

        def ended(outcome: Outcome) -> None:
            answer = exchange.answer
            if outcome is Outcome.COMPLETE and answer is not None and answer.finish == "tool_calls":
                exchange.defer(self._keep, exchange, call.asked, answer, kept, self._keeping.begin(exchange.consumer))

        return reply.tap(None, ended)

    def _wants(self, exchange: Exchange) -> bool:
        return self._rules.returns_details or matches(self._map(exchange.asked.model), self._rules.returns_reasoning)

    def _missing(self, request: Request) -> MissingReasoning | None:
        request.parse()
        if request.parsed is not None and (self._field == TEXT or has_calls(request.parsed)):
            with suppress(ValueError):  # of what is no chat the next steps say so
                missing = MissingReasoning(request.parsed, self._field)
                return missing if missing.answers else None
        return None

    def _find(self, missing: MissingReasoning, kept: KeptFor, consumer: str) -> list[Any]:
        read = _details if self._field == DETAILS else _text
        return [read(_kept(kept, consumer, answer, question)) for answer, question in missing.answers]

    async def _keep(
        self, exchange: Exchange, asked: Asked, answer: Reader, kept: KeptFor, end: Callable[[], None]
    ) -> None:
        consumer = exchange.consumer
        try:
            thought, ids = await aside(answer.size, self._said, answer)
            if thought is not None:
                questions = await aside(len(exchange.request.body), _questions, asked)
                for key in [key_of(consumer, id, question) for id in ids for question in questions]:
                    kept.put(key, thought)
        finally:
            end()

    def _said(self, answer: Reader) -> tuple[KeptThought | None, list[str]]:
        """Returns the reasoning of an answer, None if it has none, and the ids of its calls."""
        ids = [call.id for call in answer.calls]
        if self._field == TEXT:
            reasoning = answer.reasoning
            return KeptThought((Thinking(reasoning),), "") if reasoning else None, ids
        details = joined(answer.details) if isinstance(answer, CompletionsReader) else []
        return KeptThought((), json_text(details)) if details else None, ids


def _kept(kept: KeptFor, consumer: str, answer: Turn, question: str) -> KeptThought | None:
    found = (kept.get(key_of(consumer, call.id, question)) for call in answer.calls)
    return next((each for each in found if each is not None), None)


def _text(kept: KeptThought | None) -> str:
    return "".join([thought.text for thought in kept.thoughts]) or NOT_KNOWN if kept is not None else NOT_KNOWN


def _details(kept: KeptThought | None) -> Any:
    with suppress(ValueError):
        return decoded(kept.state.encode("utf-8", "surrogatepass")) if kept is not None else None
    return None


def _has_tools(exchange: Exchange) -> bool:
    client = exchange.original.parsed
    return client is None or has_tools(client)


def _questions(asked: Asked) -> list[str]:
    return questions_of(asked.turns)
