"""One request as the statistics keep it."""

from __future__ import annotations

from typing import Literal

import msgspec

Source = Literal["reported", "estimated", "absent"]


class Tokens(msgspec.Struct, frozen=True, kw_only=True):
    """Token counts in disjoint buckets: what a request cost is a sum over them. None = not known.

    `input` was neither read from nor written to the provider's cache; `reasoning` is a part of `output`. `source`
    says where the numbers come from: the provider, our own count (a stream that was cut off), or nowhere."""

    input: int | None = None
    cache_read: int | None = None
    cache_write: int | None = None
    output: int | None = None
    reasoning: int | None = None
    source: Source = "absent"

    @property
    def prompt(self) -> int | None:
        """What of the prompt is known, cached or not."""
        known = [number for number in (self.input, self.cache_read, self.cache_write) if number is not None]
        return sum(known) if known else None


class UsageRow(msgspec.Struct, frozen=True, kw_only=True):
    """`at` is when the request arrived, in seconds since 1970; times are in milliseconds. `asked` is the model that the
    client named, `model` the one that the provider says it used. `cost` is in USD, None = unknown price."""

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
    cache: Literal["", "hit", "miss", "bypass"] = ""
    gateway_ms: float = 0.0
    wait_ms: float = 0.0
    first_token_ms: float | None = None
    total_ms: float = 0.0

    @property
    def failed(self) -> bool:
        """A client that leaves is no failure."""
        return self.outcome == "failed" or (self.status >= 400 and self.outcome != "aborted")
