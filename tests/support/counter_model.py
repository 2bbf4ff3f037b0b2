"""A hypothesis machine that does the same with a counter and with the reference, under a clock that goes back and
forth, and wants the same answers. Subclass it with `make`."""

import asyncio

from fakes import FakeClock
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, initialize, rule

from aigw.core.stores import Limit
from aigw.stores.memory import MemoryCounter

KEYS = ("a", "ab", "b", "")
keys = st.sampled_from(KEYS)
some_keys = st.lists(keys, max_size=4, unique=True)
amounts = st.integers(-3, 9)
WINDOWS = {"a": (1, False), "ab": (3, False), "b": (0, False), "": (0, True)}
"""Of each key, its window, and whether its number says what is left."""


def limit(key, most, hold):
    window, down = WINDOWS[key]
    return Limit(key, most, window, hold, down)


limits = st.lists(st.builds(limit, keys, st.integers(-1, 12), st.integers(0, 6)), max_size=3)
# Windows and leases are whole seconds, so that whole steps meet their ends exactly.
steps = st.sampled_from((0.0, 0.5, 1.0, 1.0, 2.0, 3.0, 60.0, -0.5, -1.0, -2.0, -60.0))


class CounterMachine(RuleBasedStateMachine):
    tickets = Bundle("tickets")

    async def make(self, clock):
        """The counter, empty, and what closes it."""
        raise NotImplementedError

    @initialize()
    def start(self):
        self.runner = asyncio.Runner()
        self.clock = FakeClock(1000.0)
        self.model = MemoryCounter(self.clock.time)
        self.counter, self.close = self.runner.run(self.make(self.clock))

    def teardown(self):
        if hasattr(self, "runner"):
            self.runner.run(self.close())
            self.runner.close()

    def both(self, act):
        async def run():
            return await act(self.model), await act(self.counter)

        expected, got = self.runner.run(run())
        return expected, got

    def same(self, act):
        expected, got = self.both(act)
        assert got == expected

    @rule(step=steps)
    def time_passes(self, step):
        self.clock.now += step

    @rule(target=tickets, limits=limits, lease=st.sampled_from((1.0, 2.0, 900.0)))
    def hold(self, limits, lease):
        expected, got = self.both(lambda counter: counter.hold(limits, lease=lease))
        assert got[1:] == expected[1:]
        return expected, got

    @rule(pair=tickets, data=st.data(), within=st.booleans())
    def settle(self, pair, data, within):
        charges = data.draw(st.lists(amounts, min_size=len(pair[0].limits), max_size=len(pair[0].limits)))

        async def run():
            expected = await self.model.settle(pair[0], charges, within=within)
            return expected, await self.counter.settle(pair[1], charges, within=within)

        expected, got = self.runner.run(run())
        assert got == expected

    @rule(target=tickets, pair=consumes(tickets), data=st.data(), lease=st.sampled_from((1.0, 900.0)))
    def grow(self, pair, data, lease):
        size = len(pair[0].limits)
        more = data.draw(st.lists(st.integers(0, 5), min_size=size, max_size=size))

        async def run():
            expected = await self.model.grow(pair[0], more, lease=lease)
            return expected, await self.counter.grow(pair[1], more, lease=lease)

        expected, got = self.runner.run(run())
        assert got[1:] == expected[1:]
        return expected, got

    @rule(pair=consumes(tickets))
    def abandon(self, pair):
        pass

    @rule(keys=some_keys)
    def read(self, keys):
        self.same(lambda counter: counter.read(*keys))

    @rule(key=keys, amount=amounts)
    def add(self, key, amount):
        self.same(lambda counter: counter.add(key, amount))

    @rule(key=keys, value=amounts)
    def put(self, key, value):
        self.same(lambda counter: counter.put(key, value))

    @rule(keys=some_keys)
    def drop(self, keys):
        self.same(lambda counter: counter.drop(*keys))

    @rule(prefix=st.sampled_from(("", "a", "c")))
    def list_keys(self, prefix):
        async def listed(counter):
            return {key async for key in counter.keys(prefix)}

        self.same(listed)
        self.same(lambda counter: counter.read(*KEYS))
