"""Counters in Redis keep the contract, on a real server, and what stands there has Higress's shape."""

import random

import pytest
from store_contract import CounterContract

from aigw.core.stores import LEASE, Count, Limit, StoreError
from aigw.stores.memory import MemoryCounter
from aigw.stores.redis.scripts import KEPT_SECONDS


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


async def test_what_nobody_settled_waits_for_somebody_to_charge_it(stores, raw, elapse):
    counter = stores.counter()
    await counter.hold([Limit("a", 10, 0, 1)], lease=0.1)
    assert KEPT_SECONDS * 1000 < await raw.pttl("aigw:held:{p:a}") <= KEPT_SECONDS * 1000 + 100
    await elapse(0.15)
    await counter.settle(await counter.hold([Limit("a", 10, 0, 1)]), [1])
    assert await raw.get("p:a") == b"2", "its lease has ended, so that it was charged"


async def test_no_window_ends_later_than_one_window_from_now(stores, raw):
    """As if the clock of the server had been ahead."""
    counter, limit = stores.counter(), Limit("a", 10, 60, 1)
    ticket = await counter.hold([limit])
    await counter.settle(ticket, [1])
    for act in (lambda: counter.hold([limit]), lambda: counter.settle(ticket, [1])):
        await raw.pexpire("p:a", 10_000_000)
        await act()
        assert await raw.pttl("p:a") <= 60_000


async def test_no_lease_ends_later_than_one_lease_from_now(stores, raw):
    counter = stores.counter()
    now, _ = await raw.time()
    late = f"7 {(now + 100_000) * 1000} 0"
    await raw.hset("aigw:held:{p:a}", mapping={"t": late, "": late.removesuffix(" 0")})
    assert (await counter.read("a"))[0].held == 7
    assert int((await raw.hget("aigw:held:{p:a}", "t")).split()[1]) <= (now + LEASE + 5) * 1000


async def test_what_an_older_version_held_comes_free(stores, raw):
    await raw.hset("aigw:held:{p:a}", mapping={"t": "7 1000", "": "7 1000"})
    assert await stores.counter().read("a") == (Count(0, 0, 0.0),)
    assert await raw.keys() == []


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
