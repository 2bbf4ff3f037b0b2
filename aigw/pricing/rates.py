"""What a price makes of the tokens of a request. Rule: each bucket of tokens is billed once, and an unknown cost is
None, never 0.

The steps of a price, and what falls back to what, are worked out when the price comes, and not with each request."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from aigw.core.tokens import Tokens

Steps = Mapping[str, list[tuple[int, float]]]
"""For each bucket or part, its steps as in `Price`: above how many input tokens a step holds, and USD per million
tokens."""

_FALLS_BACK = {
    "cache_read": "input",
    "cache_write": "input",
    "cache_write_1h": "cache_write",
    "reasoning": "output",
    "input_audio": "input",
    "input_image": "input",
    "output_audio": "output",
    "output_image": "output",
}


class _Step(NamedTuple):
    """The rates above a number of input tokens, in USD per million tokens. `more` is how much more a token of a part
    costs than the bucket that includes it."""

    above: int
    input: float
    cache_read: float
    cache_write: float
    output: float
    more: Mapping[str, float]


class Rates:
    """The rates of one price. One step holds for a whole request."""

    __slots__ = ("_has_output", "_higher", "_lowest", "_request")

    def __init__(self, steps: Steps, request: float = 0.0) -> None:
        """`request` is in USD, for the request itself."""
        starts = {start for each in steps.values() for start, _ in each}
        self._lowest, *self._higher = (_step(steps, start) for start in sorted(starts | {-1}))
        self._has_output = "output" in steps
        self._request = request

    def cost(self, tokens: Tokens, parts: Mapping[str, int]) -> float | None:
        """USD; None if a number or a rate that is needed for it is unknown. `parts` as in `UsageReader`."""
        spent, made = tokens.input, tokens.output
        if spent is None or (made is None if self._has_output else made):
            return None
        read, write = tokens.cache_read or 0, tokens.cache_write or 0
        step = self._lowest
        for each in self._higher:
            if spent + read + write > each.above:
                step = each
        total = spent * step.input + read * step.cache_read + write * step.cache_write + (made or 0) * step.output
        if step.more:
            for name, count in {**parts, "reasoning": tokens.reasoning or 0}.items():
                total += count * step.more.get(name, 0.0)
        return total / 1_000_000 + self._request


def _step(steps: Steps, above: int) -> _Step:
    def rate(name: str) -> float:
        while name not in steps and name in _FALLS_BACK:
            name = _FALLS_BACK[name]
        return next((usd for start, usd in reversed(steps.get(name, ())) if start <= above), 0.0)

    more = {name: rate(name) - rate(_FALLS_BACK[name]) for name in steps.keys() - set(_Step._fields)}
    return _Step(above, rate("input"), rate("cache_read"), rate("cache_write"), rate("output"), more)
