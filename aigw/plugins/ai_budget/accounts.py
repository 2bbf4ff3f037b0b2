"""Finds the accounts to which a request is charged: from its run, session, consumer, route, day and month.

Rule: only what the budgets need is read from a request, and the accounts of the same names are made only once."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import tzinfo
from functools import lru_cache
from typing import NamedTuple

from aigw.core.exchange import Exchange
from aigw.plugins.ai_budget.amount import Unit
from aigw.plugins.ai_budget.budget import Account, Budget, Kind, account, periods, shortened

NONE = "none"
"""The name for all requests without a consumer or a session. They share one budget."""

_REMEMBERED = 4096


class Drawn(NamedTuple):
    """An account with the values that a `core.stores.Limit` needs."""

    account: Account
    unit: Unit
    key: str
    limit: int
    window: int


class Whose:
    """Finds the names and the accounts of requests. `run` is the name of the gateway's own run, for requests that do
    not name one. `always` are kinds that `values` returns even if no budget has them."""

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
        self._session_header = session_header
        self._zone = zone
        self._kinds = {*always, *(kind for budget in budgets for kind in budget.kinds)}
        self._dated = not self._kinds.isdisjoint(("day", "month"))
        self._drawn = lru_cache(_REMEMBERED)(self._draw)

    def values(self, exchange: Exchange, now: float) -> dict[Kind, str]:
        """Returns the names of the request: of its run, its consumer, its day and so on, as far as they are needed."""
        kinds, headers = self._kinds, exchange.request.headers
        values: dict[Kind, str] = {}
        if "run" in kinds:
            values["run"] = shortened(headers.get(self._run_header) or self._run)
        if "session" in kinds:
            values["session"] = shortened(exchange.session(self._session_header) or NONE)
        if "consumer" in kinds:
            values["consumer"] = shortened(exchange.consumer or NONE)
        if "route" in kinds:
            values["route"] = exchange.route.name
        if self._dated:
            values |= periods(now, self._zone)
        return values

    def accounts(self, values: dict[Kind, str]) -> list[Drawn]:
        """Returns one account for each budget, in the order of the budgets."""
        return self._drawn(*values.items())

    def _draw(self, *values: tuple[Kind, str]) -> list[Drawn]:
        named = dict(values)
        accounts = [account(budget, named) for budget in self._budgets]
        return [
            # minus 1, because a counter lets a request in if `used` equals the limit
            Drawn(each, each.budget.unit, each.used, each.budget.limit - 1, each.budget.window)
            for each in accounts
        ]
