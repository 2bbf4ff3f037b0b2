"""What a call used, in tokens."""

from __future__ import annotations

from typing import Literal

import msgspec

TokenSource = Literal["reported", "estimated", "absent"]


class Tokens(msgspec.Struct, frozen=True, kw_only=True):
    """Token counts in disjoint buckets: what a request cost is a sum over them. None = not known.

    `input` was neither read from nor written to the provider's cache; `reasoning` is a part of `output`. `source`
    says where the numbers come from: the provider, our own count (a stream that was cut off), or nowhere."""

    input: int | None = None
    cache_read: int | None = None
    cache_write: int | None = None
    output: int | None = None
    reasoning: int | None = None
    source: TokenSource = "absent"

    @property
    def prompt(self) -> int | None:
        """What of the prompt is known, cached or not."""
        known = [number for number in (self.input, self.cache_read, self.cache_write) if number is not None]
        return sum(known) if known else None
