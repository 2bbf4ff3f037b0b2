"""What `aigw serve` says at its end: what it served while it ran."""

from __future__ import annotations

from aigw.cli.sources.tally import Tally
from aigw.cli.terminal.figures import money


def line(tally: Tally, seconds: float, crashed: int = 0) -> str:
    """Writes one line that fits 80 columns, and a second one if some workers have not reported what they served."""
    more = f"\n(without what {many(crashed, 'worker')} served that crashed: see `aigw usage`)" if crashed else ""
    ran = span(seconds)
    if not tally.requests:
        return f"aigw served no request in {ran}{more}"
    facts = [
        f"{tally.read:,} tokens in, {tally.written:,} out",
        f"${money(tally.cost, tally.unpriced)}",
        many(tally.errors, "error"),
        *([f"{tally.cached:,} from the cache"] if tally.cached else []),
    ]
    return f"aigw served {many(tally.requests, 'request')} in {ran}: {', '.join(facts)}{more}"


def span(seconds: float) -> str:
    """Writes a duration: 12s, 3m 20s, 2h 5m, 3d 4h."""
    parts: list[str] = []
    for size, unit in ((86400, "d"), (3600, "h"), (60, "m"), (1, "s")):
        number, seconds = divmod(round(seconds), size)
        if number or (unit == "s" and not parts):
            parts.append(f"{number}{unit}")
    return " ".join(parts[:2])


def many(number: int, name: str) -> str:
    return f"{number:,} {name}{'' if number == 1 else 's'}"
