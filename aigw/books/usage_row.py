"""One request as the statistics keep it."""

from __future__ import annotations

from typing import Literal

import msgspec

from aigw.core.exchange import CacheStatus, GuardStatus
from aigw.core.retrieval import Retrieved
from aigw.core.tokens import Tokens


class UsageRow(msgspec.Struct, frozen=True):
    """A request in the statistics. `at` is when the request arrived, in seconds since 1970. Durations are in
    milliseconds. `asked` is the model that the client named, `model` the one that the provider says it used. `cost` is
    in USD; None if the price is unknown. `outcome` is "failed" if the answer broke off, or if the provider reported a
    failure in it. `error` says why: the code of a refusal, or the provider's message. `retrieved` are the passages that
    ai-rag put into the request. `session` is the client's name of its conversation."""

    id: str
    at: float
    route: str
    service: str = ""
    provider: str = ""
    api: str = ""
    asked: str = ""
    model: str = ""
    consumer: str = ""
    stream: bool = False
    status: int = 200
    outcome: Literal["complete", "aborted", "failed"] = "complete"
    error: str = ""
    tokens: Tokens = Tokens()
    cost: float | None = None
    attempts: int = 0
    cache: CacheStatus = ""
    gateway_ms: float = 0.0
    wait_ms: float = 0.0
    first_token_ms: float | None = None
    total_ms: float = 0.0
    retrieved: tuple[Retrieved, ...] = ()
    guard: GuardStatus = ""
    session: str = ""

    @property
    def failed(self) -> bool:
        """True if the request failed. A client that leaves is not a failure."""
        return self.outcome == "failed" or (self.status >= 400 and self.outcome != "aborted")
