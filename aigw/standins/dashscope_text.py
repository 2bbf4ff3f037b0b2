"""DashScope's API for texts, answered by a model of this gateway. Where it has none of the name that is asked for, the
answer is what the built-in model `echo` says: the last text of the user."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from math import ceil

from aigw.clients.dashscope_text import GENERATE_PATH
from aigw.core.answer import Answer
from aigw.core.asking import AskError, Question
from aigw.core.dialect import Asked, Said
from aigw.core.model import Request
from aigw.core.tokens import Tokens
from aigw.dialects import apis
from aigw.dialects.reader import BYTES_PER_TOKEN
from aigw.dialects.table import DASHSCOPE
from aigw.upstream.standin import StandinAnswer

Ask = Callable[[Question], Awaitable[str]]
"""Returns the text of a model's answer. Raises AskError."""
Turns = Sequence[tuple[Said, str]]
PREFIX = GENERATE_PATH.removesuffix("generation")


class TextGeneration:
    """Streams have one piece, because the answer is there before they begin."""

    def __init__(self, ask: Ask, new_id: Callable[[], str]) -> None:
        self._ask = ask
        self._new_id = new_id

    async def __call__(self, request: Request) -> StandinAnswer:
        """Answers a request. Raises ValueError if it has no question, AskError if there is no answer."""
        asked = DASHSCOPE.asked(request, apis.CHAT)
        turns: Turns = [(turn.role or "user", "\n".join(turn.texts)) for turn in asked.turns if any(turn.texts)]
        if not turns:
            raise ValueError("input must have `messages` with a text, or a `prompt`")
        text = await self._text(asked, turns)
        usage = Tokens(input=_tokens("".join(said for _, said in turns)), output=_tokens(text), source="estimated")
        writer, answer = DASHSCOPE.writer(asked, self._new_id(), 0), Answer(text)
        if not asked.stream:
            return StandinAnswer(200, {"content-type": "application/json"}, writer.whole([answer], usage))
        events = [*writer.piece(0, text, None), *writer.closing(0, answer), *writer.end(usage)]
        return StandinAnswer(200, {"content-type": "text/event-stream;charset=UTF-8"}, b"".join(events))

    async def _text(self, asked: Asked, turns: Turns) -> str:
        try:
            return await self._ask(Question(turns, asked.model, max_tokens=asked.max_tokens, provided=True))
        except AskError as error:
            if not error.absent:
                raise
        return next((text for role, text in reversed(turns) if role == "user"), turns[-1][1])


def _tokens(text: str) -> int:
    """About how many. To count them would load a vocabulary, and what the model used is in the books."""
    return ceil(len(text.encode("utf-8", "replace")) / BYTES_PER_TOKEN)
