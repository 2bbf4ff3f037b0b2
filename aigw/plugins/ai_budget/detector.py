"""Finds clients that repeat themselves in a loop. Counters find repetitions that one request alone does not show.

Rule: if an SDK retries a request by itself, or a client retries a request that failed, this is not a repetition."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import ceil
from typing import NamedTuple

from aigw.core.answer import ToolCall
from aigw.core.dialect import Asked
from aigw.core.errors import GatewayError
from aigw.core.exchange import Exchange
from aigw.core.stores import Count, Limit
from aigw.plugins.ai_budget import refusal
from aigw.plugins.ai_budget.accounts import NONE
from aigw.plugins.ai_budget.budget import PREFIX, Kind, Values
from aigw.plugins.ai_budget.repetition import Repetition, digest, most_repeated, newest_calls

IDENTITY: tuple[Kind, ...] = ("run", "session", "consumer")
"""Repetitions are counted separately for each run, session and consumer."""
SESSION_SECONDS = 86_400
"""How long the tool calls of a session are counted, in seconds from the first one on."""
RETRY = "x-stainless-retry-count"
"""The header in which OpenAI's and Anthropic's SDKs say how many times they have sent a request before."""


class Repeated(NamedTuple):
    """A counter for one thing that other requests may repeat: a tool call or, if `call` is None, the whole request."""

    limit: Limit
    settings: Repetition
    call: ToolCall | None

    def refusal(self, count: Count) -> GatewayError:
        times = count.used + count.held + 1
        if self.call is not None:
            return refusal.repeated_call(self.call, times, self.settings.tool_calls)
        return refusal.repeated_request(times, self.settings.window, count.left)


class RepetitionDetector:
    """Finds the repetitions in the requests of one plugin configuration."""

    def __init__(self, settings: Repetition) -> None:
        self._settings = settings

    def look(self, exchange: Exchange, values: Values) -> list[Repeated]:
        """Returns the counters that must let this request in. Raises GatewayError if the conversation of the request
        itself shows a loop."""
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
            return  # without a session, equal calls may be from different conversations
        for call in dict.fromkeys(newest):
            key = f"{PREFIX}:tool:{digest(*whose, *call)}"
            yield Repeated(_limit(key, most, SESSION_SECONDS), self._settings, call)


def _limit(key: str, times: int, window: int) -> Limit:
    """Returns a limit that refuses the request number `times`."""
    return Limit(key, times - 2, window, 1)
