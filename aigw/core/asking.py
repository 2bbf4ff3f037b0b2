"""Questions that a plugin or a stand-in itself asks a model, through a route of this gateway.

Rule: the question goes the way of a client's request, so that limits, budgets and the books see it, and it counts for
the consumer on whose behalf it is asked. A plugin that is asked about such a question must not ask again."""

from __future__ import annotations

from collections.abc import Sequence
from contextvars import ContextVar
from typing import NamedTuple, Protocol

from aigw.core.dialect import Said

asking: ContextVar[bool] = ContextVar("asking", default=False)
"""Whether this task works for such a question, so that no question leads to another."""


class Question(NamedTuple):
    """A question to a model. `turns` are roles with their texts. With `route` "", it takes the first route that takes
    chat completions of clients. With `model` "", it names no model. The answer has at most `max_tokens` tokens (0: any
    number), and must arrive within `seconds`. With `provided`, only a route with a provider is used, and not one that
    leads to a server."""

    turns: Sequence[tuple[Said, str]]
    model: str = ""
    route: str = ""
    seconds: float = 60.0
    max_tokens: int = 0
    provided: bool = False


class AskError(Exception):
    """There is no answer. `str(error)` says why, for the log: which route, and what happened. `absent` is true if there
    is no such model or route, so that nobody was asked."""

    def __init__(self, message: str, *, absent: bool = False) -> None:
        super().__init__(message)
        self.absent = absent


class Models(Protocol):
    """Asks models. `aigw.pipeline.asking.Asker` is one."""

    def has(self, route: str) -> bool:
        """Whether there is a route of this name, which may be asked; "" is always there."""
        ...

    async def ask(self, question: Question) -> str:
        """Returns the text of the answer. Raises AskError."""
        ...
