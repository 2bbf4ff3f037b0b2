"""What `aigw serve` says at its end: what it served while it ran."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from aigw.books.usage_row import UsageRow
from aigw.cli.views.figures import money


class Tally(msgspec.Struct):
    """Sums over the requests of one process: `read` and `written` are tokens, `unpriced` requests of unknown cost."""

    requests: int = 0
    errors: int = 0
    read: int = 0
    written: int = 0
    cost: float = 0.0
    unpriced: int = 0

    def add(self, row: UsageRow) -> None:
        self.requests += 1
        self.errors += row.failed
        self.read += row.tokens.prompt or 0
        self.written += row.tokens.output or 0
        self.cost += row.cost or 0.0
        self.unpriced += row.cost is None and row.tokens.source != "absent"


def together(tallies: Sequence[Tally]) -> Tally:
    return Tally(*(sum(values) for values in zip(*map(msgspec.structs.astuple, tallies), strict=True)))


def line(tally: Tally, seconds: float, crashed: int = 0) -> str:
    """One line that fits 80 columns, and a second one if some workers have not told what they served."""
    more = f"\n(without what {many(crashed, 'worker')} served that crashed: see `aigw usage`)" if crashed else ""
    ran = span(seconds)
    if not tally.requests:
        return f"aigw served no request in {ran}{more}"
    facts = [
        f"{tally.read:,} tokens in, {tally.written:,} out",
        f"${money(tally.cost, tally.unpriced)}",
        many(tally.errors, "error"),
    ]
    return f"aigw served {many(tally.requests, 'request')} in {ran}: {', '.join(facts)}{more}"


def span(seconds: float) -> str:
    """12s, 3m 20s, 2h 5m, 3d 4h."""
    parts: list[str] = []
    for size, unit in ((86400, "d"), (3600, "h"), (60, "m"), (1, "s")):
        number, seconds = divmod(round(seconds), size)
        if number or (unit == "s" and not parts):
            parts.append(f"{number}{unit}")
    return " ".join(parts[:2])


def many(number: int, name: str) -> str:
    return f"{number:,} {name}{'' if number == 1 else 's'}"
