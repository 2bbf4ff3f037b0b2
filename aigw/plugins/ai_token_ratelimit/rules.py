"""Finds the limits that apply to a request, by the rules of ai-token-ratelimit.

Rule: the rules are prepared once, and the limits of each value are cached, so that a request needs only a few
lookups."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from functools import lru_cache

from aigw.core.exchange import Exchange
from aigw.core.headers import CONSUMER_HEADER
from aigw.core.stores import Counter, Limit
from aigw.plugins.ai_token_ratelimit.rule_config import RuleItem, Threshold
from aigw.plugins.ai_token_ratelimit.values import IP, Select, matcher, parse_address, selector

PREFIX = "higress-token-ratelimit"
REMEMBERED = 4096
"""For how many values of a rule, such as addresses, limits are cached."""


class _Rule:
    """A prepared rule item."""

    def __init__(self, rule_name: str, item: RuleItem, counts: Callable[[Threshold], dict[int, int]]) -> None:
        kind, name = item.kind()
        self._select: Select = selector(kind, name)
        self._is_ip = kind == IP
        self._keys = [(matcher(kind, key.key), counts(key)) for key in item.limit_keys]
        self._prefix = f"{PREFIX}:{{{rule_name}}}:{kind}:"
        self._name = name
        self._what = kind.removeprefix("limit_by_").removeprefix("per_") + (
            f" {name}" if name != CONSUMER_HEADER else ""
        )
        self._find = lru_cache(REMEMBERED)(self._limits)

    async def known(self, counter: Counter) -> AsyncIterator[tuple[str, Limit]]:
        """Yields whose they are, and the limits of which something is used."""
        async for key in counter.keys(self._prefix):
            window, _, rest = key.removeprefix(self._prefix).partition(":")
            value = rest.removeprefix(f"{self._name}:")
            for limit in self._find(value):
                if limit.key == key and str(limit.window) == window:
                    yield f"{self._what} {value}", limit

    def limits(self, exchange: Exchange) -> tuple[Limit, ...]:
        value = self._select(exchange)
        return () if value is None else self._find(value)

    def _limits(self, value: str) -> tuple[Limit, ...]:
        if self._is_ip:
            address = parse_address(value)
            if address is None:
                return ()
            value = str(address)
        for matches, counts in self._keys:
            if matches(value):
                return tuple(
                    Limit(f"{self._prefix}{window}:{self._name}:{value}", count, window)
                    for window, count in counts.items()
                )
        return ()


class LimitRules:
    """All rules of one configuration. With `one_unit`, only the shortest window of each threshold is used, because
    Higress uses only one of them."""

    def __init__(
        self, rule_name: str, threshold: Threshold | None, items: Sequence[RuleItem], *, one_unit: bool = False
    ) -> None:
        def counts(each: Threshold) -> dict[int, int]:
            return dict(list(each.counts().items())[: 1 if one_unit else None])

        windows = counts(threshold).items() if threshold else ()
        self._always = tuple(
            Limit(f"{PREFIX}:{{{rule_name}}}:global_threshold:{window}", count, window) for window, count in windows
        )
        self._rules = [_Rule(rule_name, item, counts) for item in items]

    async def known(self, counter: Counter, most: int) -> list[tuple[str, Limit]]:
        """Returns limits, each with whom it concerns: those of all requests, and at most `most` others that are partly
        used. Raises StoreError."""
        found = [("", limit) for limit in self._always]
        for rule in self._rules:
            async for each in rule.known(counter):
                if len(found) >= most:
                    return found
                found.append(each)
        return found

    def limits(self, exchange: Exchange) -> tuple[Limit, ...]:
        """Returns the limits that apply to a request: first the global threshold, then in the order of the rules. No
        two of them have the same key."""
        if len(self._rules) == 1 and not self._always:
            return self._rules[0].limits(exchange)
        found = dict(self._all(exchange))
        return tuple(found.values())

    def _all(self, exchange: Exchange) -> Iterator[tuple[str, Limit]]:
        for limit in self._always:
            yield limit.key, limit
        for rule in self._rules:
            for limit in rule.limits(exchange):
                yield limit.key, limit
