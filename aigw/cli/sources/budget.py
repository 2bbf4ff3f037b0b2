"""Opens the accounts of ai-budget, and finds those that `aigw budget` names. Its commands import this when they run."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager

from aigw.cli.sources.config_choice import ConfigChoice
from aigw.cli.sources.plugin_stores import opened_stores
from aigw.core.plain import plain
from aigw.core.stores import LOCAL
from aigw.plugins.ai_budget.budget import Account, Budget
from aigw.plugins.ai_budget.ledger import Ledger


@asynccontextmanager
async def ledgers(choice: ConfigChoice) -> AsyncIterator[list[Ledger]]:
    """A ledger for each configuration of the plugin, with the stores that the gateway uses. Raises ConfigError."""
    async with opened_stores(choice, "ai-budget", shown="budget") as (_, configs, stores):
        yield [
            Ledger(stores.counter(LOCAL if each.redis is None else each.redis.service()), each.budgets, each.zone)
            for each in configs
        ]


def find(opened: Sequence[Ledger], name: str) -> tuple[Ledger, Budget]:
    """Raises ValueError if no budget has this name."""
    known = [(ledger, budget) for ledger in opened for budget in ledger.budgets]
    for ledger, budget in known:
        if budget.name == name:
            return ledger, budget
    names = ", ".join(budget.name for _, budget in known) or "none"
    raise ValueError(f"there is no budget {name!r}; there are {names}")


async def choose(
    ledger: Ledger, budget: Budget, wanted: Mapping[str, str], now: float, *, every: bool
) -> list[Account]:
    """The one account that is meant, or all accounts. Raises ValueError, which says what to add."""
    accounts = await ledger.choose(budget, wanted, now)
    if not accounts:
        missing = next(kind for kind in budget.kinds if kind not in wanted)
        raise ValueError(f"nobody has used {budget.name!r} yet; say whose it is: --for {missing}=NAME")
    if len(accounts) > 1 and not every:
        choice = "; ".join(" ".join(f"--for {each}" for each in owner(account)) for account in accounts)
        raise ValueError(f"there are several of {budget.name!r}; choose one: {choice}")
    return accounts


def owner(account: Account) -> list[str]:
    """Returns whose account it is, in the form that --for takes."""
    return [plain(f"{kind}={value}") for kind, value in account.named.items()]
