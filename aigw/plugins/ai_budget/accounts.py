"""Whose request it is, and which accounts it is charged to.

Rule: only what the configuration divides by is looked up, and the accounts of the same names are made once."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import tzinfo
from functools import lru_cache
from typing import NamedTuple

from aigw.core.exchange import Exchange
from aigw.core.headers import SESSION_HEADERS
from aigw.plugins.ai_budget.amount import Unit
from aigw.plugins.ai_budget.budget import Account, Budget, Kind, account, periods, shortened

NONE = "none"
"""The name of all consumers, or sessions, that have none: they share one budget."""

_REMEMBERED = 4096


class Drawn(NamedTuple):
    """An account with all that a request needs of it: see `stores.base.Limit`."""

    account: Account
    unit: Unit
    key: str
    limit: int
    window: int


class Whose:
    """`run` is the gateway's own; `always` are kinds that are wanted beside those of the budgets."""

    def __init__(
        self,
        budgets: Sequence[Budget],
        *,
        run: str,
        run_header: str,
        session_header: str,
        zone: tzinfo,
        always: Sequence[Kind] = (),
    ) -> None:
        self._budgets = budgets
        self._run = run
        self._run_header = run_header
        self._session_headers = (session_header, *SESSION_HEADERS)
        self._zone = zone
        self._kinds = {*always, *(kind for budget in budgets for kind in budget.kinds)}
        self._dated = not self._kinds.isdisjoint(("day", "month"))
        self._drawn = lru_cache(_REMEMBERED)(self._draw)

    def values(self, exchange: Exchange, now: float) -> dict[Kind, str]:
        """The names of the kinds that are wanted."""
        kinds, headers = self._kinds, exchange.request.headers
        values: dict[Kind, str] = {}
        if "run" in kinds:
            values["run"] = shortened(headers.get(self._run_header) or self._run)
        if "session" in kinds:
            named = (headers.get(name) for name in self._session_headers)
            values["session"] = shortened(next(filter(None, named), NONE))
        if "consumer" in kinds:
            values["consumer"] = shortened(exchange.consumer or NONE)
        if "route" in kinds:
            values["route"] = exchange.route.name
        if self._dated:
            values |= periods(now, self._zone)
        return values

    def accounts(self, values: dict[Kind, str]) -> list[Drawn]:
        """One for each budget, in their order."""
        return self._drawn(*values.items())

    def _draw(self, *values: tuple[Kind, str]) -> list[Drawn]:
        named = dict(values)
        accounts = [account(budget, named) for budget in self._budgets]
        return [
            # equality passes a limit, and what is used up is used up
            Drawn(each, each.budget.unit, each.used, each.budget.limit - 1, each.budget.window)
            for each in accounts
        ]
