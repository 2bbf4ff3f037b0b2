"""The rules of ai-token-ratelimit, as a configuration has them, and the checks for them."""

from __future__ import annotations

from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType

from aigw.core.headers import CONSUMER_HEADER
from aigw.plugins.ai_token_ratelimit.values import IP, matcher, selector

WINDOWS = {"token_per_second": 1, "token_per_minute": 60, "token_per_hour": 3600, "token_per_day": 86400}
MAX_RULE_ITEMS = 10
CONSUMERS = ("limit_by_consumer", "limit_by_per_consumer")
KINDS = (
    "limit_by_header", "limit_by_param", "limit_by_cookie", "limit_by_per_header", "limit_by_per_param",
    "limit_by_per_cookie", *CONSUMERS, IP,
)  # fmt: skip
"""If a rule has several of these keys, the last one in this list is used, as in Higress."""
_UNIT_MISSING = "one of 'token_per_second', 'token_per_minute', 'token_per_hour', or 'token_per_day' must be set for "
_KIND_MISSING = (
    "at least one of 'limit_by_header', 'limit_by_param', 'limit_by_consumer', 'limit_by_cookie', "
    "'limit_by_per_header', 'limit_by_per_param', 'limit_by_per_consumer', 'limit_by_per_cookie', 'limit_by_per_ip' "
    "must be set"
)

_Count = Annotated[int | None, Meta(description="how many tokens may be used in this time, at least 1")]


class Threshold(Struct, frozen=True, kw_only=True):
    """How many tokens may be used in a time. If there are several limits, all of them apply."""

    token_per_second: _Count = None
    token_per_minute: _Count = None
    token_per_hour: _Count = None
    token_per_day: _Count = None

    def counts(self) -> dict[int, int]:
        """Returns the tokens for each window in seconds, the shortest window first."""
        given = {window: getattr(self, name) for name, window in WINDOWS.items()}
        return {window: count for window, count in given.items() if count is not None}

    def problem(self, place: str, suffix: str = "") -> str:
        """Returns what is wrong, in Higress's words, or "" if nothing is."""
        for name in WINDOWS:
            if (count := getattr(self, name)) is not None and count <= 0:
                return f"'{name}' must be a positive integer{suffix}, got {count}"
        return "" if self.counts() else _UNIT_MISSING + place


class LimitKey(Threshold, frozen=True, kw_only=True):
    """The limits of a rule for one value, or for all values that match."""

    key: Annotated[
        str, Meta(description='a value; for limit_by_per_*: "*", "regexp:...", or an IP address or CIDR')
    ] = ""


class RuleItem(Struct, frozen=True, kw_only=True):
    """A rule: one limit_by_* says which value of a request is looked at, and `limit_keys` has the limits."""

    limit_by_header: Annotated[str, Meta(description="the name of a header; `limit_keys` have its values")] = ""
    limit_by_param: Annotated[str, Meta(description="the name of a query parameter; `limit_keys` have its values")] = ""
    limit_by_cookie: Annotated[str, Meta(description="the name of a cookie; `limit_keys` have its values")] = ""
    limit_by_consumer: Annotated[
        str | UnsetType | None, Meta(description='write ""; `limit_keys` have the names of consumers, from key-auth')
    ] = UNSET
    limit_by_per_header: Annotated[
        str, Meta(description="the name of a header; each of its values has its own limit")
    ] = ""
    limit_by_per_param: Annotated[
        str, Meta(description="the name of a query parameter; each of its values has its own limit")
    ] = ""
    limit_by_per_cookie: Annotated[
        str, Meta(description="the name of a cookie; each of its values has its own limit")
    ] = ""
    limit_by_per_consumer: Annotated[
        str | UnsetType | None, Meta(description='write ""; each consumer has its own limit')
    ] = UNSET
    limit_by_per_ip: Annotated[
        str, Meta(description="from-remote-addr or from-header-<name>; each IP address has its own limit")
    ] = ""
    limit_keys: Annotated[
        list[LimitKey], Meta(description="values and their limits; the first one that matches applies")
    ] = []

    def kind(self) -> tuple[str, str]:
        """Returns which of KINDS the rule is, and the name that the keys of its counters contain. Returns ("", "") if
        it is none of them."""
        found = ("", "")
        for kind in KINDS:
            value = getattr(self, kind)
            if kind in CONSUMERS:
                found = found if value is UNSET else (kind, CONSUMER_HEADER)
            elif value:
                found = (kind, value)
        return found

    def problem(self) -> str:
        """Returns what is wrong, in Higress's words, or "" if nothing is."""
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
