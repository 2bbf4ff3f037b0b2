"""The rules of ai-token-ratelimit as they are configured, and what is wrong with them."""

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
"""Where a rule has several, the last of these counts, as in Higress."""
_UNIT_MISSING = "one of 'token_per_second', 'token_per_minute', 'token_per_hour', or 'token_per_day' must be set for "
_KIND_MISSING = (
    "at least one of 'limit_by_header', 'limit_by_param', 'limit_by_consumer', 'limit_by_cookie', "
    "'limit_by_per_header', 'limit_by_per_param', 'limit_by_per_consumer', 'limit_by_per_cookie', 'limit_by_per_ip' "
    "must be set"
)

_Count = Annotated[int | None, Meta(description="tokens in this time, at least 1")]


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

    limit_by_header: Annotated[str, Meta(description="the header of which `limit_keys` have values")] = ""
    limit_by_param: Annotated[str, Meta(description="the query parameter of which `limit_keys` have values")] = ""
    limit_by_cookie: Annotated[str, Meta(description="the cookie of which `limit_keys` have values")] = ""
    limit_by_consumer: Annotated[
        str | UnsetType | None, Meta(description='"": `limit_keys` have names of consumers, as key-auth gives them')
    ] = UNSET
    limit_by_per_header: Annotated[str, Meta(description="each value of this header has a limit of its own")] = ""
    limit_by_per_param: Annotated[str, Meta(description="each value of this parameter has a limit of its own")] = ""
    limit_by_per_cookie: Annotated[str, Meta(description="each value of this cookie has a limit of its own")] = ""
    limit_by_per_consumer: Annotated[
        str | UnsetType | None, Meta(description='"": each consumer has a limit of its own')
    ] = UNSET
    limit_by_per_ip: Annotated[
        str, Meta(description="each address has a limit of its own; from-remote-addr, or from-header-<name>")
    ] = ""
    limit_keys: Annotated[list[LimitKey], Meta(description="values and their limits, tried in this order")] = []

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
