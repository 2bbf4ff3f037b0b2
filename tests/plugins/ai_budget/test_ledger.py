"""Budgets by hand: what is shown, what is meant, and that a gateway follows."""

from datetime import UTC, datetime

import msgspec
import pytest

from aigw.core.stores import Limit
from aigw.plugins.ai_budget.budget import Account, Budget
from aigw.plugins.ai_budget.ledger import Ledger
from aigw.stores.memory import MemoryCounter

NOW = datetime(2026, 11, 23, 10, tzinfo=UTC).timestamp()
DAY = {"name": "day", "per": "day", "calls": 10}
PERSON = {"name": "person", "per": ["consumer", "day"], "usd": 1}
RUN = {"name": "run", "per": "run", "tokens": 100}


class Books:
    def __init__(self, *budgets):
        self.now = NOW
        self.counter = MemoryCounter(lambda: self.now)
        self.budgets = {each["name"]: msgspec.convert(each, Budget) for each in budgets}
        self.ledger = Ledger(self.counter, list(self.budgets.values()), UTC)

    def account(self, name, *values):
        return Account(self.budgets[name], values)

    async def spend(self, account, amount):
        limit = Limit(account.used, account.budget.limit - 1, account.budget.window)
        ticket = await self.counter.hold([limit])
        assert ticket.refused is None
        await self.counter.settle(ticket, [amount])

    async def lines(self):
        return [(line.account.values, line.used, line.limit) for line in await self.ledger.lines(self.now)]


async def test_what_is_in_force():
    books = Books(DAY, PERSON, RUN)
    assert await books.lines() == [(("2026-11-23",), 0, 10)]
    await books.spend(books.account("day", "2026-11-22"), 3)
    await books.spend(books.account("person", "bob", "2026-11-23"), 4)
    await books.spend(books.account("person", "ann", "2026-11-23"), 5)
    await books.spend(books.account("run", "r"), 6)
    assert await books.lines() == [
        (("2026-11-23",), 0, 10),
        (("ann", "2026-11-23"), 5, 10**9),
        (("bob", "2026-11-23"), 4, 10**9),
        (("r",), 6, 100),
    ]


async def test_raised_it_lets_in_again_and_shows_what_was_used():
    books = Books(DAY)
    account = books.account("day", "2026-11-23")
    await books.spend(account, 10)
    with pytest.raises(AssertionError):
        await books.spend(account, 1)
    await books.ledger.raise_by(account, 5)
    line = await books.ledger.line(account, NOW)
    assert (line.used, line.limit, line.raised) == (10, 15, 5)
    await books.spend(account, 5)
    with pytest.raises(AssertionError):
        await books.spend(account, 1)


async def test_raised_before_anything_was_used():
    books = Books(DAY)
    account = books.account("day", "2026-11-23")
    await books.ledger.raise_by(account, 5)
    await books.spend(account, 12)
    assert await books.lines() == [(("2026-11-23",), 12, 15)]


async def test_it_is_forgotten_after_its_time():
    books = Books(DAY)
    account = books.account("day", "2026-11-23")
    await books.ledger.raise_by(account, 5)
    await books.spend(account, 1)
    books.now += account.budget.window + 1
    assert [key async for key in books.counter.keys("{aigw")] == []


async def test_reset():
    books = Books(RUN)
    account = books.account("run", "r")
    await books.spend(account, 90)
    await books.ledger.raise_by(account, 5)
    await books.counter.hold([Limit(account.used, 100, 0, 50)])
    await books.counter.add(account.unpriced, 1)
    await books.ledger.reset(account)
    line = await books.ledger.line(account, NOW)
    assert (line.used, line.limit, line.held, line.raised, line.unpriced) == (0, 100, 0, 0, 0)


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ({}, [("ann", "2026-11-23"), ("bob", "2026-11-23")]),
        ({"consumer": "ann"}, [("ann", "2026-11-23")]),
        ({"consumer": "new"}, [("new", "2026-11-23")]),
        ({"consumer": "ann", "day": "2026-11-22"}, [("ann", "2026-11-22")]),
        ({"day": "2026-11-20"}, []),
    ],
)
async def test_who_is_meant(wanted, found):
    books = Books(PERSON)
    for values in (("bob", "2026-11-23"), ("ann", "2026-11-23"), ("ann", "2026-11-22")):
        await books.spend(books.account("person", *values), 1)
    chosen = await books.ledger.choose(books.budgets["person"], wanted, NOW)
    assert [account.values for account in chosen] == found


async def test_what_it_is_not_divided_by():
    books = Books(PERSON)
    with pytest.raises(ValueError, match="not divided by 'run', but by consumer, day"):
        await books.ledger.choose(books.budgets["person"], {"run": "r"}, NOW)
