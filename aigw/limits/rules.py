"""The rules of ai-token-ratelimit: their configuration, and which limits a request falls under (higress.md 6).

Rule: everything that a rule is made of is prepared once, and what a value leads to is remembered, so that finding the
limits of a request is a few lookups."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType

from aigw.core.exchange import Exchange
from aigw.limits.values import NetworkMatch, Select, parse_address, selector
from aigw.providers.goregex import GoRegex
from aigw.stores.base import Limit

PREFIX = "higress-token-ratelimit"
REMEMBERED = 4096
"""Values of a rule, such as addresses, whose limits are kept at hand."""
WINDOWS = {"token_per_second": 1, "token_per_minute": 60, "token_per_hour": 3600, "token_per_day": 86400}
MAX_RULE_ITEMS = 10
IP = "limit_by_per_ip"
CONSUMERS = ("limit_by_consumer", "limit_by_per_consumer")
KINDS = (
    "limit_by_header", "limit_by_param", "limit_by_cookie", "limit_by_per_header", "limit_by_per_param",
    "limit_by_per_cookie", *CONSUMERS, IP,
)  # fmt: skip
"""Where a rule has several, the last of these counts, as in Higress."""
REGEXP = "regexp:"
CONSUMER_HEADER = "x-mse-consumer"
_UNIT_MISSING = "one of 'token_per_second', 'token_per_minute', 'token_per_hour', or 'token_per_day' must be set for "
_KIND_MISSING = (
    "at least one of 'limit_by_header', 'limit_by_param', 'limit_by_consumer', 'limit_by_cookie', "
    "'limit_by_per_header', 'limit_by_per_param', 'limit_by_per_consumer', 'limit_by_per_cookie', 'limit_by_per_ip' "
    "must be set"
)

_Count = Annotated[int | None, Meta(description="tokens, at least 1")]
_Present = Annotated[str | UnsetType | None, Meta(description="no value is needed")]


class Threshold(Struct, frozen=True, kw_only=True):
    """How many tokens may be used in a time. Several of them hold together."""

    token_per_second: _Count = None
    token_per_minute: _Count = None
    token_per_hour: _Count = None
    token_per_day: _Count = None

    def counts(self) -> dict[int, int]:
        """Tokens by seconds of the window, the shortest first."""
        given = {window: getattr(self, name) for name, window in WINDOWS.items()}
        return {window: count for window, count in given.items() if count is not None}

    def problem(self, place: str, suffix: str = "") -> str:
        """What is wrong with it, in Higress's words; "" if nothing is."""
        for name in WINDOWS:
            if (count := getattr(self, name)) is not None and count <= 0:
                return f"'{name}' must be a positive integer{suffix}, got {count}"
        return "" if self.counts() else _UNIT_MISSING + place


class LimitKey(Threshold, frozen=True, kw_only=True):
    """What a rule says about some of its values."""

    key: Annotated[
        str, Meta(description='a value; for limit_by_per_*: "*", "regexp:...", or an IP address or CIDR')
    ] = ""


class RuleItem(Struct, frozen=True, kw_only=True):
    """A rule: one limit_by_*, and the limits of its values. The first of `limit_keys` that fits counts."""

    limit_by_header: str = ""
    limit_by_param: str = ""
    limit_by_cookie: str = ""
    limit_by_consumer: _Present = UNSET
    limit_by_per_header: str = ""
    limit_by_per_param: str = ""
    limit_by_per_cookie: str = ""
    limit_by_per_consumer: _Present = UNSET
    limit_by_per_ip: Annotated[str, Meta(description="from-remote-addr, or from-header-<name>")] = ""
    limit_keys: list[LimitKey] = []

    def kind(self) -> tuple[str, str]:
        """The kind of the rule, and what stands for its source in keys. ("", "") if it has none."""
        found = ("", "")
        for kind in KINDS:
            value = getattr(self, kind)
            if kind in CONSUMERS:
                found = found if value is UNSET else (kind, CONSUMER_HEADER)
            elif value:
                found = (kind, value)
        return found

    def problem(self) -> str:
        """What is wrong with it, in Higress's words; "" if nothing is."""
        kind, name = self.kind()
        if not kind:
            return _KIND_MISSING
        if not self.limit_keys:
            return "config limit_keys cannot be empty"
        try:
            selector(kind, name)
            for key in self.limit_keys:
                if not key.key:
                    return "limit_keys key is required"
                matcher(kind, key.key)
                if problem := key.problem(f"key: {key.key}", f" for key '{key.key}'"):
                    return problem
        except ValueError as error:
            return str(error)
        return ""


Match = Callable[[str], bool]


def matcher(kind: str, key: str) -> Match:
    """Whether a value fits a limit key. Raises ValueError for a key that this kind of rule cannot have."""
    if kind == IP:
        return NetworkMatch(key)
    if not kind.startswith("limit_by_per_"):
        return key.__eq__
    if key == "*":
        return lambda value: True
    if not key.startswith(REGEXP):
        raise ValueError(f"the '{kind}' restriction must start with 'regexp:' or be exactly '*'")
    try:
        return GoRegex.longest(key.removeprefix(REGEXP)).search
    except ValueError as error:
        raise ValueError(f"failed to compile regex for key '{key}': {error}") from None


class _Rule:
    """A prepared rule item."""

    def __init__(self, rule_name: str, item: RuleItem, counts: Callable[[Threshold], dict[int, int]]) -> None:
        kind, name = item.kind()
        self._select: Select = selector(kind, name)
        self._is_ip = kind == IP
        self._keys = [(matcher(kind, key.key), counts(key)) for key in item.limit_keys]
        self._prefix = f"{PREFIX}:{{{rule_name}}}:{kind}:"
        self._name = name
        self._find = lru_cache(REMEMBERED)(self._limits)

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


class Rules:
    """The limits of requests. With `one_unit` only the shortest window of a threshold counts: Higress takes any one."""

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

    def limits(self, exchange: Exchange) -> tuple[Limit, ...]:
        """What a request falls under, the global threshold first, then in the order of the rules; no key twice."""
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
