"""Tells clients what is left of a limit, in OpenAI's headers x-ratelimit-*, which its SDKs know."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil

from aigw.core.reply import Reply
from aigw.core.stores import Count, Limit, Ticket


def tell(reply: Reply, ticket: Ticket, counts: Sequence[Count]) -> None:
    """Writes into the headers how much is left of the limit that has the least left. If the provider's own headers say
    that less is left, they are kept. `counts` are empty for a stream, whose headers are sent before it is settled; then
    its reservation counts as used."""
    least, tightest = 0, -1
    for index, limit in enumerate(ticket.limits):
        count = counts[index] if counts else ticket.counts[index]
        left = limit.limit - count.used - count.held - (0 if counts else limit.hold)
        if tightest < 0 or left < least:
            least, tightest = left, index
    headers, least = reply.headers, max(0, least)
    given = headers.get("x-ratelimit-remaining-tokens", "")
    if given.isdecimal() and int(given[:18]) <= least:
        return
    count = counts[tightest] if counts else ticket.counts[tightest]
    headers.update(remaining(ticket.limits[tightest], least, count.left))


def remaining(limit: Limit, remaining: int, left: float) -> dict[str, str]:
    return {
        "x-ratelimit-limit-tokens": str(limit.limit),
        "x-ratelimit-remaining-tokens": str(remaining),
        "x-ratelimit-reset-tokens": duration(left or limit.window),
    }


def duration(seconds: float) -> str:
    """Returns a time as OpenAI writes it: 120ms, 8s, 6m0s, 1h0m0s."""
    if seconds < 1:
        return f"{max(1, ceil(seconds * 1000))}ms"
    minutes, rest = divmod(ceil(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return (f"{hours}h" if hours else "") + (f"{minutes}m" if hours or minutes else "") + f"{rest}s"
