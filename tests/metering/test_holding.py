"""What a request holds is settled once, and what could not be charged is said."""

import pytest
from fakes import FailingStores, chat, make_exchange

from aigw.core.stores import Count, Limit, StoreError
from aigw.metering.holding import Held, is_full, not_charged
from aigw.stores.memory import MemoryStores


async def test_settling_again_charges_nothing():
    counter = MemoryStores().counter()
    held = Held(counter, await counter.hold([Limit("a", 100, 0, 30)]))
    assert (await counter.read("a"))[0][:2] == (0, 30)
    assert [count.used for count in await held.settle([5])] == [5]
    assert await held.settle([5]) == ()
    assert (await counter.read("a"))[0][:2] == (5, 0)


async def test_a_charge_that_failed_is_not_tried_again():
    """Nobody knows whether it was carried out."""
    counter = FailingStores("settle").counter()
    held = Held(counter, await counter.hold([Limit("a", 100)]))
    with pytest.raises(StoreError):
        await held.settle([5])
    assert await held.settle([5]) == ()


async def test_within_a_limit_only():
    counter = MemoryStores().counter()
    held = Held(counter, await counter.hold([Limit("a", 4)]))
    await counter.add("a", 5)
    assert [count.used for count in await held.settle([9], within=True)] == [5]


def test_what_is_not_charged_is_said_to_people_and_in_the_log(caplog):
    exchange = make_exchange(chat({}))
    not_charged(exchange, "ai-quota", 46, StoreError("redis is down"))
    assert exchange.labels.remarks == {"ai-quota": "not charged: redis is down"}
    assert caplog.messages == ["ai-quota: what aigw-1 spent (46 tokens) is not charged: redis is down"]


@pytest.mark.parametrize(
    ("limit", "count", "full"),
    [
        (Limit("a", 100, hold=50), Count(0, 50, 0.0), False),
        (Limit("a", 100, hold=500), Count(60, 540, 0.0), False),
        (Limit("a", 100, hold=500), Count(61, 540, 0.0), True),
        (Limit("a", 100, hold=5, down=True), Count(1, 5, 0.0), False),
        (Limit("a", 100, hold=5, down=True), Count(1, 6, 0.0), True),
        (Limit("a", 100, hold=5, down=True), Count(-3, 5, 0.0), True),
    ],
)
def test_a_limit_is_full_by_what_others_used_and_hold(limit, count, full):
    assert is_full(limit, count) is full
