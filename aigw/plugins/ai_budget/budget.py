"""A budget as it is configured, and the counters that stand for it.

Rule: everything that a counter's key says can be read back from it, so that `aigw budget` needs nothing but the store.
All keys have one hash tag, so that a Redis cluster decides about several budgets at once."""

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
"""Characters of a name that a client chose; of longer ones the key has the beginning and a hash."""

_DAY = 86_400
_KEPT = {"day": 8 * _DAY, "month": 62 * _DAY, "run": 30 * _DAY, "session": 30 * _DAY}
"""Seconds from the first charge until a counter is forgotten. Days and months end long before that."""

Values = Mapping[Kind, str]
"""Whose request it is: the name of its run, its day, ..."""


class Budget(Struct, frozen=True, kw_only=True):
    """How much may be spent by everything together, or by each run, consumer, day, ... One of usd, tokens, calls."""

    name: Annotated[str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", max_length=64, description="what messages say")]
    per: Annotated[
        Kind | list[Kind],
        Meta(description="which calls share one amount; nothing: all of them, for ever"),
    ] = []
    usd: Annotated[float | None, Meta(description="US dollars")] = None
    tokens: Annotated[int | None, Meta(description="input and output")] = None
    calls: Annotated[int | None, Meta(description="requests that a provider is asked for")] = None

    @property
    def kinds(self) -> tuple[Kind, ...]:
        """In the order in which keys have them."""
        given = [self.per] if isinstance(self.per, str) else self.per
        return tuple(kind for kind in KINDS if kind in given)

    @property
    def unit(self) -> Unit:
        return next((unit for unit in UNITS if getattr(self, unit) is not None), "usd")

    @property
    def limit(self) -> int:
        """In the counter's integers."""
        return from_plain(self.unit, getattr(self, self.unit) or 0)

    @property
    def window(self) -> int:
        """Seconds that its counters are kept; 0: for ever."""
        return min((_KEPT[kind] for kind in self.kinds if kind in _KEPT), default=0)


class Account(NamedTuple):
    """One counter of a budget: that of a run, of a consumer's day, ... `values` are those of `budget.kinds`."""

    budget: Budget
    values: tuple[str, ...]

    @property
    def used(self) -> str:
        return f"{PREFIX}:used:{self.budget.name}:{self._scope}"

    @property
    def raised(self) -> str:
        """Where it stands by how much the budget was raised here; the same was taken off what is used."""
        return f"{PREFIX}:raised:{self.budget.name}:{self._scope}"

    @property
    def unpriced(self) -> str:
        """Where calls are counted whose price is not known."""
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
    """The account whose `used` key this is; None for one of a time when the budget was divided in another way."""
    scope = key.removeprefix(used_prefix(budget))
    values = tuple(unquote(value) for value in scope.split("/")) if scope else ()
    return Account(budget, values) if len(values) == len(budget.kinds) else None


def shortened(name: str) -> str:
    """A client's name for a run or a session, with an end."""
    if len(name) <= LONGEST:
        return name
    return f"{name[: LONGEST - 17]}~{hashlib.sha256(name.encode('utf-8', 'replace')).hexdigest()[:16]}"


def periods(now: float, zone: tzinfo) -> dict[Kind, str]:
    """The day and the month of an instant in seconds since 1970."""
    day = datetime.fromtimestamp(now, zone).date().isoformat()
    return {"day": day, "month": day[:7]}


def begins_anew(kinds: Sequence[Kind], now: float, zone: tzinfo) -> datetime | None:
    """When the day or the month ends; None where there is neither."""
    midnight = datetime.fromtimestamp(now, zone).replace(hour=0, minute=0, second=0, microsecond=0, fold=0)
    if "day" in kinds:
        return (midnight.replace(tzinfo=None) + timedelta(days=1)).replace(tzinfo=zone)
    if "month" in kinds:
        return (midnight.replace(day=28) + timedelta(days=4)).replace(day=1)
    return None
