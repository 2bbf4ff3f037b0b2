"""Sums of what a gateway has served, for what `aigw serve` and `aigw run` say at their end."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from aigw.books.usage_row import UsageRow


class Tally(msgspec.Struct):
    """Sums over the requests of one process: `read` and `written` are tokens, `unpriced` requests of unknown cost, and
    `cached` those that ai-cache has answered."""

    requests: int = 0
    errors: int = 0
    read: int = 0
    written: int = 0
    cost: float = 0.0
    unpriced: int = 0
    cached: int = 0

    def add(self, row: UsageRow) -> None:
        self.requests += 1
        self.errors += row.failed
        self.read += row.tokens.prompt or 0
        self.written += row.tokens.output or 0
        self.cost += row.cost or 0.0
        self.unpriced += row.cost is None and row.tokens.source != "absent"
        self.cached += row.cache == "hit"


def together(tallies: Sequence[Tally]) -> Tally:
    return Tally(*(sum(values) for values in zip(*map(msgspec.structs.astuple, tallies), strict=True)))
