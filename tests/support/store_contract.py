"""What every KV and every Counter must do. A test module subclasses these with fixtures that make one implementation:

`kv` and `counter` (empty), `another` (an async callable that gives a second one of the same data, as another worker has
it) and `elapse` (an async callable: lets so many seconds pass; a store whose clock is not injected really waits)."""

import asyncio

from aigw.core.stores import Count, Limit, Ticket


async def keys_of(store, prefix=""):
    return {key async for key in store.keys(prefix)}


class KVContract:
    async def test_what_was_put_is_got(self, kv):
        assert await kv.get("a") is None
        await kv.put("a", b"one")
        assert await kv.get("a") == b"one"
        await kv.put("a", b"two")
        assert await kv.get("a") == b"two"

    async def test_any_bytes_under_any_key(self, kv):
        everything = bytes(range(256)) * 1000
        values = {"": b"", "k\0\n ☃": everything, "half \udc80": b"\0", "x" * 5000: b"x", "a%_*": b"\x80\x04."}
        for key, value in values.items():
            await kv.put(key, value)
        assert {key: await kv.get(key) for key in values} == values
        assert await keys_of(kv) == set(values)

    async def test_a_swap_replaces_only_what_is_known(self, kv, another, elapse):
        assert not await kv.swap("a", b"", b"one")
        assert await kv.swap("a", None, b"one")
        assert not await kv.swap("a", None, b"two")
        assert not await kv.swap("a", b"other", b"two")
        assert await kv.get("a") == b"one"
        assert await kv.swap("a", b"one", b"", ttl=0.2)
        assert await kv.swap("a", b"", b"two", ttl=0.2)
        assert await kv.get("a") == b"two"
        await elapse(0.25)
        assert await kv.get("a") is None
        assert await kv.swap("a", None, b"three")

    async def test_nobody_loses_what_many_add_to_one_value(self, kv, another):
        async def add(kv, number):
            while True:
                old = await kv.get("sum")
                if await kv.swap("sum", old, (old or b"") + number):
                    return

        other = await another()
        numbers = [b"%d," % number for number in range(20)]
        await asyncio.gather(*(add(kv if number[0] % 2 else other, number) for number in numbers))
        assert sorted((await kv.get("sum")).split(b",")[:-1]) == sorted(number[:-1] for number in numbers)

    async def test_what_is_put_soon_is_found_once_it_says_so(self, kv, another):
        there = asyncio.Event()
        kv.put_soon("a", b"one", 100.0, there.set)
        await there.wait()
        assert await kv.get("a") == b"one"
        await kv.put("b", b"two")
        assert await (await another()).get("a") == b"one"

    async def test_drop_tells_how_many_were_there(self, kv):
        for key in "abc":
            await kv.put(key, b"v")
        assert await kv.drop("a", "b", "never") == 2
        assert await kv.drop("a") == 0
        assert await kv.drop() == 0
        assert await kv.get("a") is None
        assert await kv.get("c") == b"v"

    async def test_keys_by_prefix(self, kv):
        for key in ("one:1", "one:2", "two:1", "One:3", "on"):
            await kv.put(key, b"v")
        assert await keys_of(kv, "one:") == {"one:1", "one:2"}
        assert await keys_of(kv, "one:%") == await keys_of(kv, "one*") == await keys_of(kv, "[o]ne") == set()
        assert await keys_of(kv) == {"one:1", "one:2", "two:1", "One:3", "on"}

    async def test_many_keys_while_they_are_dropped(self, kv):
        names = {f"key:{number}" for number in range(300)}
        for name in names:
            await kv.put(name, b"v")
        seen = set()
        async for key in kv.keys("key:"):
            seen.add(key)
            await kv.drop(key)
        assert seen == names
        assert await keys_of(kv) == set()

    async def test_a_value_expires(self, kv, elapse):
        await kv.put("short", b"v", ttl=0.2)
        await kv.put("long", b"v", ttl=100.0)
        await kv.put("ever", b"v")
        assert await kv.get("short") == b"v"
        await elapse(0.25)
        assert await kv.get("short") is None
        assert await keys_of(kv) == {"long", "ever"}
        assert await kv.drop("short", "long", "ever") == 2

    async def test_a_put_sets_the_time_anew(self, kv, elapse):
        await kv.put("longer", b"v", ttl=0.2)
        await kv.put("longer", b"v", ttl=100.0)
        await kv.put("ever", b"v", ttl=0.2)
        await kv.put("ever", b"v")
        await kv.put("shorter", b"v", ttl=100.0)
        await kv.put("shorter", b"v", ttl=0.2)
        await elapse(0.25)
        assert await keys_of(kv) == {"longer", "ever"}
        assert await kv.get("shorter") is None

    async def test_another_worker_sees_it(self, kv, another, elapse):
        other = await another()
        await kv.put("a", b"one")
        assert await other.get("a") == b"one"
        assert await keys_of(other) == {"a"}
        await kv.put("a", b"two")
        await other.drop("b")
        await elapse(1.0)
        assert await other.get("a") == b"two"
        assert await other.drop("a") == 1
        await elapse(1.0)
        assert await kv.get("a") is None


class CounterContract:
    async def test_nothing_is_counted_at_first(self, counter):
        assert await counter.read("a", "b") == (Count(0, 0, 0.0), Count(0, 0, 0.0))
        assert await counter.read() == ()
        assert await keys_of(counter) == set()

    async def test_add_put_and_drop(self, counter):
        assert await counter.add("a", 5) == 5
        assert await counter.add("a", -7) == -2
        await counter.put("a", 1 << 62)
        await counter.put("zero", 0)
        assert await counter.read("a", "zero") == (Count(1 << 62, 0, 0.0), Count(0, 0, 0.0))
        assert await keys_of(counter) == {"a", "zero"}
        assert await counter.drop("a", "zero", "never") == 2
        assert await counter.drop("a") == 0
        assert (await counter.read("a"))[0].used == 0

    async def test_any_key(self, counter):
        names = {"", "k\0\n ☃", "half \udc80", "a%_*[b]", "x" * 500, "one:1", "one:2", "One:3"}
        for name in names:
            await counter.put(name, 7)
        assert await keys_of(counter) == names
        assert await keys_of(counter, "one:") == {"one:1", "one:2"}
        assert await keys_of(counter, "a%_*[") == {"a%_*[b]"}
        assert await keys_of(counter, "one*") == set()
        ticket = await counter.hold([Limit(name, 7, 0, 1) for name in sorted(names)])
        assert ticket.refused is None
        counts = await counter.settle(ticket, [1] * len(names))
        assert {count.used for count in counts} == {8}

    async def test_a_hold_counts_until_it_is_settled(self, counter):
        ticket = await counter.hold([Limit("a", 100, 60, 40)])
        assert ticket.refused is None
        assert ticket.counts == (Count(0, 0, 0.0),)
        assert (await counter.read("a"))[0] == Count(0, 40, 0.0)
        assert await keys_of(counter) == set(), "what is only held is not there"
        (count,) = await counter.settle(ticket, [46])
        assert (count.used, count.held) == (46, 0)
        assert 59.0 < count.left <= 60.0

    async def test_equality_passes_and_more_does_not(self, counter):
        await counter.put("a", 100)
        first = await counter.hold([Limit("a", 100, 60, 1)])
        assert first.refused is None
        second = await counter.hold([Limit("a", 100, 60, 1)])
        assert second.refused == 0
        assert second.counts == (Count(100, 1, 0.0),)
        await counter.settle(first, [0])
        assert (await counter.read("a"))[0] == Count(100, 0, 0.0)

    async def test_a_refusal_holds_nothing_anywhere(self, counter):
        await counter.put("b", 11)
        await counter.put("c", 12)
        ticket = await counter.hold([Limit("a", 10, 0, 5), Limit("b", 10, 0, 5), Limit("c", 10, 0, 5)])
        assert ticket.refused == 1
        assert [count.used for count in ticket.counts] == [0, 11, 12]
        assert [count.held for count in await counter.read("a", "b", "c")] == [0, 0, 0]

    async def test_a_burst_overshoots_by_one_hold(self, counter):
        tickets = await asyncio.gather(*(counter.hold([Limit("a", 100, 60, 30)]) for _ in range(32)))
        admitted = [ticket for ticket in tickets if ticket.refused is None]
        assert len(admitted) == 4
        for ticket in admitted:
            await counter.settle(ticket, [30])
        assert (await counter.read("a"))[0].used == 120

    async def test_the_first_charge_starts_the_window(self, counter, elapse):
        limit = Limit("a", 10, 1, 1)
        for charge in (0, 7, 4):
            await counter.settle(await counter.hold([limit]), [charge])
        refused = await counter.hold([limit])
        assert refused.refused == 0
        assert 0.0 < refused.counts[0].left <= 1.0
        await elapse(1.05)
        assert (await counter.read("a"))[0] == Count(0, 0, 0.0)
        assert await keys_of(counter) == set()
        assert (await counter.hold([limit])).refused is None

    async def test_add_leaves_the_window_and_put_ends_it(self, counter, elapse):
        for key in "ab":
            await counter.settle(await counter.hold([Limit(key, 10, 1)]), [5])
        assert await counter.add("a", 1) == 6
        await counter.put("b", 6)
        assert (await counter.read("a"))[0].left > 0
        assert (await counter.read("b"))[0] == Count(6, 0, 0.0)
        await elapse(1.05)
        assert [count.used for count in await counter.read("a", "b")] == [0, 6]

    async def test_no_window_never_ends(self, counter, elapse):
        ticket = await counter.hold([Limit("a", 10, 0, 1)])
        assert (await counter.settle(ticket, [5]))[0] == Count(5, 0, 0.0)
        await elapse(1.05)
        assert (await counter.read("a"))[0] == Count(5, 0, 0.0)

    async def test_a_lease_charges_what_was_never_settled(self, counter, elapse):
        await counter.put("left", 50)
        limits = [Limit("a", 10, 0, 11), Limit("w", 10, 60, 5), Limit("left", 1 << 53, 0, 4, down=True)]
        ticket = await counter.hold(limits, lease=0.3)
        assert (await counter.hold(limits[:1])).refused == 0
        await elapse(0.4)
        counts = await counter.read("a", "w", "left")
        assert [count[:2] for count in counts] == [(11, 0), (5, 0), (46, 0)]
        assert counts[0].left == 0.0 < counts[1].left <= 60.0
        assert (await counter.hold(limits[:1])).refused == 0
        counts = await counter.settle(ticket, [3, 7, -6])
        assert [count[:2] for count in counts] == [(3, 0), (7, 0), (44, 0)], "what it really used replaces that"
        counts = await counter.settle(ticket, [1, 1, -1])
        assert [count.used for count in counts] == [4, 8, 43]

    async def test_what_was_reset_is_not_charged_by_a_lease(self, counter, elapse):
        limits = [Limit("a", 10, 0, 5), Limit("b", 10, 0, 5)]
        ticket = await counter.hold(limits, lease=0.3)
        await elapse(0.4)
        assert [count.used for count in await counter.read("a", "b")] == [5, 5]
        await counter.put("a", 100)
        await counter.drop("b")
        assert [count.used for count in await counter.settle(ticket, [2, 2])] == [102, 2]

    async def test_a_hold_grows_and_lasts_longer_then(self, counter, elapse):
        ticket = await counter.hold([Limit("a", 10, 0, 5), Limit("b", 10, 0)], lease=1.0)
        await elapse(0.6)
        ticket = await counter.grow(ticket, [7, 7], lease=1.0)
        assert ticket.counts == (Count(0, 12, 0.0), Count(0, 0, 0.0)), "of b nothing is held"
        await elapse(0.6)
        assert (await counter.read("a"))[0] == Count(0, 12, 0.0)
        await elapse(0.6)
        assert (await counter.read("a"))[0] == Count(12, 0, 0.0)
        ticket = await counter.grow(ticket, [1, 1])
        assert (await counter.read("a"))[0] == Count(12, 0, 0.0), "it is not held any more"
        assert [count[:2] for count in await counter.settle(ticket, [2, 2])] == [(2, 0), (2, 0)]

    async def test_settling_again_only_charges_again(self, counter):
        ticket = await counter.hold([Limit("a", 10, 0, 5)])
        other = await counter.hold([Limit("a", 10, 0, 5)])
        await counter.settle(ticket, [1])
        assert await counter.settle(ticket, [1]) == (Count(2, 5, 0.0),)
        assert await counter.settle(other, [0]) == (Count(2, 0, 0.0),)

    async def test_within_charges_only_what_is_within(self, counter):
        limits = [Limit("a", 10), Limit("b", 10)]
        ticket = await counter.hold(limits)
        await counter.put("a", 10)
        await counter.put("b", 11)
        counts = await counter.settle(ticket, [5, 5], within=True)
        assert [count.used for count in counts] == [15, 11]

    async def test_a_number_that_says_what_is_left(self, counter):
        await counter.put("left", 50)
        ticket = await counter.hold([Limit("left", 1 << 53, 0, 40)])
        assert ticket.counts == (Count(50, 0, 0.0),)
        assert await counter.settle(ticket, [-46]) == (Count(4, 0, 0.0),)
        ticket = await counter.hold([Limit("left", 1 << 53, 0, 40)])
        assert await counter.settle(ticket, [-46]) == (Count(-42, 0, 0.0),)

    async def test_a_caller_that_leaves_leaves_nothing_half_done(self, counter):
        ticket = await counter.hold([Limit("a", 100, 60, 5), Limit("b", 100, 0, 5)])
        holding = asyncio.create_task(counter.hold([Limit("a", 100, 60, 40), Limit("b", 100, 0, 40)]))
        settling = asyncio.create_task(counter.settle(ticket, [1, 2]))
        await asyncio.sleep(0)
        holding.cancel()
        settling.cancel()
        held, _ = await asyncio.gather(holding, settling, return_exceptions=True)
        if isinstance(held, Ticket):  # it was there before it could be cancelled
            await counter.settle(held, [0, 0])
        async with asyncio.timeout(10):
            while [count[:2] for count in await counter.read("a", "b")] != [(1, 0), (2, 0)]:  # noqa: ASYNC110
                await asyncio.sleep(0.01)

    async def test_the_same_key_twice(self, counter):
        ticket = await counter.hold([Limit("a", 10, 0, 2), Limit("a", 20, 0, 3)])
        assert (await counter.read("a"))[0].held == 5
        counts = await counter.settle(ticket, [1, 1])
        assert [(count.used, count.held) for count in counts] == [(2, 0), (2, 0)]

    async def test_drop_forgets_holds_too(self, counter):
        ticket = await counter.hold([Limit("a", 10, 0, 5)])
        assert await counter.drop("a") == 0, "nothing was charged"
        assert (await counter.read("a"))[0] == Count(0, 0, 0.0)
        assert (await counter.settle(ticket, [4]))[0].used == 4

    async def test_nothing_to_hold(self, counter):
        ticket = await counter.hold([])
        assert ticket.refused is None
        assert await counter.settle(ticket, []) == ()

    async def test_another_worker_counts_along(self, counter, another):
        other = await another()
        limit = Limit("a", 10, 60, 6)
        first = await counter.hold([limit])
        second = await other.hold([limit])
        assert second.refused is None
        assert second.counts[0].held == 6
        assert (await other.hold([limit])).refused == 0
        assert (await other.settle(first, [6]))[0].held == 6, "a ticket may be settled elsewhere"
        assert (await counter.settle(second, [6]))[0].used == 12
        assert await other.drop("a") == 1
        assert (await counter.read("a"))[0] == Count(0, 0, 0.0)
