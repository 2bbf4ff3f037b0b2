"""Counters in Redis keep the contract, on a real server, and what stands there has Higress's shape."""

import random

import pytest
from store_contract import CounterContract

from aigw.core.stores import Count, Limit, StoreError
from aigw.stores.memory import MemoryCounter


class TestCounter(CounterContract):
    @pytest.fixture
    def counter(self, stores):
        return stores.counter()

    @pytest.fixture
    def another(self, more):
        async def another():
            return more().counter()

        return another


async def test_counts_stand_as_higress_has_them(stores, raw):
    counter, key = stores.counter(), "higress-token-ratelimit:{r}:global_threshold:60"
    ticket = await counter.hold([Limit(key, 100, 60, 5)])
    assert await raw.keys() == [b"aigw:held:p:" + key.encode()], "nothing stands under the key before it is charged"
    await counter.settle(ticket, [46])
    assert await raw.get(f"p:{key}") == b"46"
    assert await raw.ttl(f"p:{key}") == 60
    assert await raw.keys() == [f"p:{key}".encode()], "nothing is left of a hold"
    await raw.incrby(f"p:{key}", 55)
    assert (await counter.hold([Limit(key, 100, 60, 5)])).refused == 0


async def test_holds_leave_nothing_behind(stores, raw):
    counter = stores.counter()
    await counter.hold([Limit("a", 10, 0, 1)], lease=0.1)
    assert 0 < await raw.pttl("aigw:held:{p:a}") <= 100


async def test_large_numbers_are_exact(stores):
    counter = stores.counter()
    await counter.put("a", (1 << 62) + 1)
    ticket = await counter.hold([Limit("a", (1 << 63) - 1, 0, 1 << 40)])
    assert ticket.counts == (Count((1 << 62) + 1, 0, 0.0),)
    assert await counter.settle(ticket, [1]) == (Count((1 << 62) + 2, 0, 0.0),)


@pytest.mark.parametrize("seed", range(3))
async def test_the_same_as_the_reference(stores, seed):
    """Random requests, where no time passes."""
    chance, both, tickets = random.Random(seed), (stores.counter(), MemoryCounter()), []
    for _ in range(200):
        key, amount = chance.choice("abc"), chance.randrange(-2, 9)
        action = chance.choice(["hold", "hold", "settle", "settle", "add", "put", "drop", "read"])
        if action == "hold":
            limits = [
                Limit(chance.choice("abc"), chance.randrange(40), chance.choice([0, 1000]), chance.randrange(9))
                for _ in range(chance.randrange(4))
            ]
            pair = [await each.hold(limits) for each in both]
            assert pair[0].refused == pair[1].refused
            assert_same(pair[0].counts, pair[1].counts)
            if pair[0].refused is None:
                tickets.append(pair)
        elif action == "settle" and tickets:
            pair, within = chance.choice(tickets), chance.random() < 0.5
            charges = [chance.randrange(9) for _ in pair[0].limits]
            assert_same(
                *[await each.settle(ticket, charges, within=within) for each, ticket in zip(both, pair, strict=True)]
            )
        elif action in ("add", "put"):
            one, other = [await getattr(each, action)(key, amount) for each in both]
            assert one == other
        elif action == "drop":
            one, other = [await each.drop(key) for each in both]
            assert one == other
        assert_same(*[await each.read("a", "b", "c") for each in both])


def assert_same(ours, theirs):
    assert [count[:2] for count in ours] == [count[:2] for count in theirs]
    for one, other in zip(ours, theirs, strict=True):
        assert one.left == pytest.approx(other.left, abs=5)


async def test_what_is_no_number_is_an_error(stores, raw):
    await raw.set("p:a", "text")
    await raw.hset("p:h", "f", "1")
    for key in ("a", "h"):
        for call in (stores.counter().hold([Limit(key, 1)]), stores.counter().read(key), stores.counter().add(key, 1)):
            with pytest.raises(StoreError, match=r"Redis at redis://127\.0\.0\.1"):
                await call
    with pytest.raises(StoreError, match="WRONGTYPE"):
        await stores.kv().get("h")
    assert await stores.kv().get("a") == b"text", "an error of one key is not one of the server"


async def test_scripts_are_loaded_again(stores, raw):
    counter = stores.counter()
    await counter.hold([Limit("a", 1)])
    await raw.script_flush()
    assert (await counter.hold([Limit("a", 1)])).refused is None
