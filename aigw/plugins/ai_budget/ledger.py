"""Reads and changes the counters of budgets, for `aigw budget`.

Rule: it uses only the counters, so that it works whether a gateway runs or not. Each change is one call of the store.
To raise a budget, the amount is subtracted from what is used, so that the gateway needs no extra call to see it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import tzinfo
from typing import NamedTuple

from aigw.core.stores import Counter, Limit
from aigw.plugins.ai_budget.budget import KINDS, Account, Budget, Kind, account_of, begins_anew, periods, used_prefix

_NO_LIMIT = 2**53


class AccountLine(NamedTuple):
    """The state of one account, in the integers of the counter. `unpriced` is how many calls had no known price; they
    are not in `used`. `anew` is when the account begins again, as ISO 8601 ("" if never)."""

    account: Account
    used: int
    limit: int
    held: int
    raised: int
    unpriced: int
    anew: str


class Ledger:
    """The budgets of one configuration of the plugin. Every call may raise StoreError."""

    def __init__(self, counter: Counter, budgets: Sequence[Budget], zone: tzinfo) -> None:
        self._counter = counter
        self._zone = zone
        self.budgets = budgets

    async def lines(self, now: float) -> list[AccountLine]:
        """Returns the accounts of the current day and month. An account is listed if it was used, or if its budget is
        divided by nothing but days and months."""
        found = []
        for budget in self.budgets:
            current = self._current(budget, now)
            accounts = [each for each in await self._charged_accounts(budget) if current.items() <= each.named.items()]
            if not accounts and len(current) == len(budget.kinds):
                accounts = [Account(budget, tuple(current.values()))]
            found += [await self.line(each, now) for each in sorted(accounts)]
        return found

    async def line(self, account: Account, now: float) -> AccountLine:
        used, raised, unpriced = await self._counter.read(account.used, account.raised, account.unpriced)
        anew = begins_anew(account.budget.kinds, now, self._zone)
        return AccountLine(
            account=account,
            used=used.used + raised.used,
            limit=account.budget.limit + raised.used,
            held=used.held,
            raised=raised.used,
            unpriced=unpriced.used,
            anew="" if anew is None else anew.isoformat(timespec="minutes"),
        )

    async def choose(self, budget: Budget, wanted: Mapping[str, str], now: float) -> list[Account]:
        """Returns the accounts that have the names in `wanted`, and the current day and month unless `wanted` names
        them. Raises ValueError if the budget is not divided by a kind in `wanted`."""
        for kind in wanted:
            if kind not in budget.kinds:
                divided = ", ".join(budget.kinds) or "nothing"
                raise ValueError(f"the budget {budget.name!r} is not divided by {kind!r}, but by {divided}")
        given = {**self._current(budget, now), **{kind: wanted[kind] for kind in KINDS if kind in wanted}}
        known = [each for each in await self._charged_accounts(budget) if given.items() <= each.named.items()]
        if not known and len(given) == len(budget.kinds):
            known = [Account(budget, tuple(given[kind] for kind in budget.kinds))]
        return sorted(known)

    async def raise_by(self, account: Account, amount: int) -> None:
        window = account.budget.window
        limits = [Limit(account.used, _NO_LIMIT, window), Limit(account.raised, _NO_LIMIT, window)]
        await self._counter.settle(await self._counter.hold(limits), [-amount, amount])

    async def reset(self, account: Account) -> None:
        """Makes the account as if it had never been used, reserved or raised."""
        await self._counter.drop(account.used, account.raised, account.unpriced)

    def _current(self, budget: Budget, now: float) -> dict[Kind, str]:
        return {kind: name for kind, name in periods(now, self._zone).items() if kind in budget.kinds}

    async def _charged_accounts(self, budget: Budget) -> list[Account]:
        found = [account_of(budget, key) async for key in self._counter.keys(used_prefix(budget))]
        return [each for each in found if each is not None]
