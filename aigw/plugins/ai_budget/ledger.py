"""What stands in the counters of budgets, and changing it by hand: what `aigw budget` does.

Rule: it works on the counters alone, whether a gateway runs or not, and each change is one decision of the store.
Raising takes the amount off what is used, so that the gateway asks for nothing more than it does anyway."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import tzinfo
from typing import NamedTuple

from aigw.core.stores import Counter, Limit
from aigw.plugins.ai_budget.budget import KINDS, Account, Budget, Kind, account_of, begins_anew, periods, used_prefix

_NO_LIMIT = 2**53


class AccountLine(NamedTuple):
    """One account, in the counter's integers. `unpriced` calls are not in `used`; `anew` is ISO 8601, "" for never."""

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
        """Every account that was used and is in force now, and those in force that nobody needs to name."""
        found = []
        for budget in self.budgets:
            current = self._current(budget, now)
            accounts = [each for each in await self._known(budget) if current.items() <= each.named.items()]
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
        """The accounts that `wanted` names in part, in the day and month of now where it names none. Raises ValueError
        for what the budget is not divided by."""
        for kind in wanted:
            if kind not in budget.kinds:
                divided = ", ".join(budget.kinds) or "nothing"
                raise ValueError(f"the budget {budget.name!r} is not divided by {kind!r}, but by {divided}")
        given = {**self._current(budget, now), **{kind: wanted[kind] for kind in KINDS if kind in wanted}}
        known = [each for each in await self._known(budget) if given.items() <= each.named.items()]
        if not known and len(given) == len(budget.kinds):
            known = [Account(budget, tuple(given[kind] for kind in budget.kinds))]
        return sorted(known)

    async def raise_by(self, account: Account, amount: int) -> None:
        window = account.budget.window
        limits = [Limit(account.used, _NO_LIMIT, window), Limit(account.raised, _NO_LIMIT, window)]
        await self._counter.settle(await self._counter.hold(limits), [-amount, amount])

    async def reset(self, account: Account) -> None:
        """As if nothing had been used, nor set aside, nor raised."""
        await self._counter.drop(account.used, account.raised, account.unpriced)

    def _current(self, budget: Budget, now: float) -> dict[Kind, str]:
        return {kind: name for kind, name in periods(now, self._zone).items() if kind in budget.kinds}

    async def _known(self, budget: Budget) -> list[Account]:
        found = [account_of(budget, key) async for key in self._counter.keys(used_prefix(budget))]
        return [each for each in found if each is not None]
