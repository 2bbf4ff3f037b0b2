"""A budget as a configuration has it, and the keys of its counters.

Rule: the names in a key can be read back from it, so that `aigw budget` needs only the store. All keys have the same
hash tag, so that a Redis cluster can change several budgets in one step."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta, tzinfo
from typing import Annotated, Literal, NamedTuple
from urllib.parse import quote, unquote

from msgspec import Meta, Struct

from aigw.plugins.ai_budget.amount import Unit, from_plain

Kind = Literal["run", "session", "consumer", "route", "day", "month"]
KINDS: tuple[Kind, ...] = ("run", "session", "consumer", "route", "day", "month")

PREFIX = "{aigw-budget}"
UNITS: tuple[Unit, ...] = ("usd", "tokens", "calls")
LONGEST = 96
"""The longest name of a run or a session that a key contains whole, in characters. A longer one is shortened."""

_DAY = 86_400
_KEPT = {"day": 8 * _DAY, "month": 62 * _DAY, "run": 30 * _DAY, "session": 30 * _DAY}
"""After this many seconds from its first charge a counter is deleted. Days and months have ended long before."""

Values = Mapping[Kind, str]
"""The names of one request, by their kind: of its run, its day and so on."""


class Budget(Struct, frozen=True, kw_only=True):
    """An amount in one of usd, tokens and calls, for all calls together or for each run, consumer, day and so on."""

    name: Annotated[
        str,
        Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", max_length=64, description="the name, for messages and commands"),
    ]
    per: Annotated[
        Kind | list[Kind],
        Meta(description="each run (session, ...) has the whole amount; missing: all calls together, for ever"),
    ] = []
    usd: Annotated[float | None, Meta(description="US dollars")] = None
    tokens: Annotated[int | None, Meta(description="input and output tokens together")] = None
    calls: Annotated[int | None, Meta(description="calls that are sent to a provider")] = None

    @property
    def kinds(self) -> tuple[Kind, ...]:
        """The kinds in `per`, in the order in which keys have them."""
        given = [self.per] if isinstance(self.per, str) else self.per
        return tuple(kind for kind in KINDS if kind in given)

    @property
    def unit(self) -> Unit:
        return next((unit for unit in UNITS if getattr(self, unit) is not None), "usd")

    @property
    def limit(self) -> int:
        """The amount in the integers of the counter: billionths of a dollar, tokens or calls."""
        return from_plain(self.unit, getattr(self, self.unit) or 0)

    @property
    def window(self) -> int:
        """How many seconds the counters of the account are kept; 0 means for ever."""
        return min((_KEPT[kind] for kind in self.kinds if kind in _KEPT), default=0)

    @property
    def remedy(self) -> str:
        """The command that makes room in the budget, "" if it is `aigw budget raise`."""
        return ""


class Account(NamedTuple):
    """One share of a budget, such as that of one consumer on one day. `values` are the names for `budget.kinds`."""

    budget: Budget
    values: tuple[str, ...]

    @property
    def used(self) -> str:
        """The key of the counter of what was spent."""
        return f"{PREFIX}:used:{self.budget.name}:{self._scope}"

    @property
    def raised(self) -> str:
        """The key of the counter of how much the budget was raised. The same amount was subtracted from `used`."""
        return f"{PREFIX}:raised:{self.budget.name}:{self._scope}"

    @property
    def unpriced(self) -> str:
        """The key of the counter of calls without a known price."""
        return f"{PREFIX}:unpriced:{self.budget.name}:{self._scope}"

    @property
    def _scope(self) -> str:
        return "/".join(quote(value, safe="@:+ ", errors="replace") for value in self.values)

    @property
    def named(self) -> dict[Kind, str]:
        return dict(zip(self.budget.kinds, self.values, strict=True))


def account(budget: Budget, values: Values) -> Account:
    return Account(budget, tuple(values[kind] for kind in budget.kinds))


def used_prefix(budget: Budget) -> str:
    return f"{PREFIX}:used:{budget.name}:"


def account_of(budget: Budget, key: str) -> Account | None:
    """Returns the account to which a `used` key belongs. Returns None if the key is old, from a time when the budget
    had another `per`."""
    scope = key.removeprefix(used_prefix(budget))
    values = tuple(unquote(value) for value in scope.split("/")) if scope else ()
    return Account(budget, values) if len(values) == len(budget.kinds) else None


def shortened(name: str) -> str:
    """Returns the name of a run or a session. If it is longer than LONGEST, returns its beginning and a hash."""
    if len(name) <= LONGEST:
        return name
    return f"{name[: LONGEST - 17]}~{hashlib.sha256(name.encode('utf-8', 'replace')).hexdigest()[:16]}"


def periods(now: float, zone: tzinfo) -> dict[Kind, str]:
    """Returns the names of the day and the month. `now` is in seconds since 1970."""
    day = datetime.fromtimestamp(now, zone).date().isoformat()
    return {"day": day, "month": day[:7]}


def begins_anew(kinds: Sequence[Kind], now: float, zone: tzinfo) -> datetime | None:
    """Returns when the current day or month ends, None if a budget of these `kinds` has neither."""
    midnight = datetime.fromtimestamp(now, zone).replace(hour=0, minute=0, second=0, microsecond=0, fold=0)
    if "day" in kinds:
        return (midnight.replace(tzinfo=None) + timedelta(days=1)).replace(tzinfo=zone)
    if "month" in kinds:
        return (midnight.replace(day=28) + timedelta(days=4)).replace(day=1)
    return None
