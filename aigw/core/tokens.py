"""How many tokens a call used."""

from __future__ import annotations

from typing import Literal

import msgspec

TokenSource = Literal["reported", "estimated", "absent"]


class Tokens(msgspec.Struct, frozen=True, kw_only=True):
    """The token counts of one call. None means that a count is not known.

    `input`, `cache_read`, `cache_write` and `output` do not overlap, so that a cost is a sum over them: `input` are the
    tokens that were neither read from the provider's cache nor written to it. `reasoning` is a part of `output`.

    `source` says where the numbers come from: "reported" by the provider, "estimated" by aigw (for a stream that was
    cut off), or "absent" if there are none."""

    input: int | None = None
    cache_read: int | None = None
    cache_write: int | None = None
    output: int | None = None
    reasoning: int | None = None
    source: TokenSource = "absent"

    @property
    def prompt(self) -> int | None:
        """The tokens of the whole prompt, cached or not: the sum of the known counts, None if none is known."""
        if self.input is None and self.cache_read is None and self.cache_write is None:
            return None
        return (self.input or 0) + (self.cache_read or 0) + (self.cache_write or 0)
