"""Opens and shows the accounts of ai-budget, for `aigw budget`. Its commands import this when they run."""

from __future__ import annotations

import textwrap
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

from aigw.cli.sources.config_choice import ConfigChoice
from aigw.cli.sources.plugin_stores import opened
from aigw.cli.terminal.columns import cells, columns, cut
from aigw.cli.terminal.output import say_json, say_text, width
from aigw.core.plain import plain
from aigw.core.stores import LOCAL
from aigw.plugins.ai_budget.amount import say, to_plain
from aigw.plugins.ai_budget.budget import Account, Budget
from aigw.plugins.ai_budget.ledger import AccountLine, Ledger


@asynccontextmanager
async def ledgers(choice: ConfigChoice) -> AsyncIterator[list[Ledger]]:
    """A ledger for each configuration of the plugin, with the stores that the gateway uses. Raises ConfigError."""
    async with opened(choice, "ai-budget", shown="budget") as (_, configs, stores):
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
        choice = "; ".join(" ".join(f"--for {each}" for each in _whose(account)) for account in accounts)
        raise ValueError(f"there are several of {budget.name!r}; choose one: {choice}")
    return accounts


def show(lines: Sequence[AccountLine], *, as_json: bool) -> None:
    if as_json:
        say_json([_plain(line) for line in lines])
        return
    if not lines:
        say_text("Nothing has been used yet.")
        return
    wide = width()
    rows = [("budget", "for", "used", "of", "left", ""), *map(_cells, lines)]
    room = wide - sum(max(map(cells, column)) + 2 for column in zip(*(row[:1] + row[2:5] for row in rows), strict=True))
    table = columns([(row[0], cut(row[1], max(room, 10)), *row[2:5]) for row in rows])
    for line, row in zip(table, rows, strict=True):
        for each in _noted(line, row[5], wide):
            say_text(each)


def _noted(line: str, note: str, wide: int) -> list[str]:
    """The line with the note behind it, or below it if there is no room."""
    if cells(line) + cells(note) + 2 <= wide:
        return [f"{line}  {note}".rstrip()]
    return [line, *textwrap.wrap(note, wide, initial_indent="    ", subsequent_indent="    ", break_on_hyphens=False)]


def _whose(account: Account) -> list[str]:
    return [plain(f"{kind}={value}") for kind, value in account.named.items()]


def _cells(line: AccountLine) -> tuple[str, ...]:
    unit = line.account.budget.unit
    left = line.limit - line.used
    notes = [f"{say(unit, line.held)} set aside"] if line.held else []
    notes += [f"raised by {say(unit, line.raised)}"] if line.raised else []
    notes += [f"{say('calls', line.unpriced)} of unknown price"] if line.unpriced else []
    notes += [f"anew at {line.anew}"] if line.anew else []
    return (
        line.account.budget.name,
        " ".join(_whose(line.account)) or "all",
        say(unit, line.used) + ("+?" if line.unpriced else ""),
        say(unit, line.limit),
        say(unit, left) if left > 0 else "used up",
        ", ".join(notes),
    )


def _plain(line: AccountLine) -> dict[str, Any]:
    budget = line.account.budget
    amounts = {"used": line.used, "limit": line.limit, "left": line.limit - line.used, "held": line.held}
    return {
        "budget": budget.name,
        "for": line.account.named,
        "unit": budget.unit,
        **{name: to_plain(budget.unit, amount) for name, amount in amounts.items()},
        "raised": to_plain(budget.unit, line.raised),
        "unpriced_calls": line.unpriced,
        "anew": line.anew or None,
    }
