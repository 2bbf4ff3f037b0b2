"""Watches one configuration's requests for repetition, with counters for what a single request does not show.

Rule: what an SDK sends again by itself is no repetition, nor is what failed and is tried again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import ceil
from typing import NamedTuple

from aigw.core.dialect import Asked, ToolCall
from aigw.core.errors import GatewayError
from aigw.core.exchange import Exchange
from aigw.core.stores import Count, Limit
from aigw.plugins.ai_budget import refusal
from aigw.plugins.ai_budget.accounts import NONE
from aigw.plugins.ai_budget.budget import PREFIX, Kind, Values
from aigw.plugins.ai_budget.repetition import Repetition, digest, most_repeated, newest_calls

IDENTITY: tuple[Kind, ...] = ("run", "session", "consumer")
"""Who repeats something: what others do is no circle of theirs."""
SESSION_SECONDS = 86_400
"""How long a session's tool calls are remembered after the first."""
RETRY = "x-stainless-retry-count"
"""OpenAI's and Anthropic's SDKs say here how often they have sent a request before."""


class Repeated(NamedTuple):
    """A counter of the same thing in other requests. `call` is None where it is the whole request."""

    limit: Limit
    settings: Repetition
    call: ToolCall | None

    def refusal(self, count: Count) -> GatewayError:
        times = count.used + count.held + 1
        if self.call is not None:
            return refusal.repeated_call(self.call, times, self.settings.tool_calls)
        return refusal.repeated_request(times, self.settings.window, count.left)


class RepetitionDetector:
    def __init__(self, settings: Repetition) -> None:
        self._settings = settings

    def look(self, exchange: Exchange, values: Values) -> list[Repeated]:
        """The counters that decide about a request. Raises GatewayError for a conversation that is a circle itself."""
        settings, request = self._settings, exchange.request
        if not settings.watches or request.headers.get(RETRY, "0") != "0":
            return []
        whose = [values[kind] for kind in IDENTITY]
        found = list(self._tool_calls(exchange.asked, values, whose)) if settings.tool_calls else []
        if settings.requests and request.body:
            key = f"{PREFIX}:same:{digest(*whose, request.path, request.body)}"
            found.append(Repeated(_limit(key, settings.requests, ceil(settings.window)), settings, None))
        return found

    def _tool_calls(self, asked: Asked, values: Values, whose: Sequence[str]) -> Iterator[Repeated]:
        most = self._settings.tool_calls
        newest, turns = newest_calls(asked.turns)
        worst = most_repeated(newest, turns)
        if worst is not None and worst[1] >= most:
            raise refusal.repeated_call(*worst, most)
        if values["session"] == NONE:
            return  # independent conversations make the same calls, and nobody can tell them apart
        for call in dict.fromkeys(newest):
            key = f"{PREFIX}:tool:{digest(*whose, *call)}"
            yield Repeated(_limit(key, most, SESSION_SECONDS), self._settings, call)


def _limit(key: str, times: int, window: int) -> Limit:
    """Refuses what would be the `times`th."""
    return Limit(key, times - 2, window, 1)
