"""The memory in front of a KV: bounded, and never more than a second behind what others did."""

import asyncio

import pytest
from fakes import FakeClock
from store_contract import KVContract

from aigw.core.stores import StoreError
from aigw.stores.memory import MemoryKV
from aigw.stores.memory_layer import LayeredKV


class Counted(MemoryKV):
    """Counts what reaches it, answers when its gate is open, and fails when told so."""

    def __init__(self, now):
        super().__init__(now)
        self.gets = 0
        self.failing = False
        self.gate = asyncio.Event()
        self.gate.set()

    async def get(self, key):
        self.gets += 1
        gate = self.gate
        value = await super().get(key)
        await gate.wait()
        return value

    async def put(self, key, value, ttl=None):
        if self.failing:
            raise StoreError("down")
        await super().put(key, value, ttl)
        await self.gate.wait()


@pytest.fixture
def clock():
    return FakeClock()


@pytest.fixture
def below(clock):
    return Counted(clock.time)


@pytest.fixture
def kv(below, clock):
    return LayeredKV(below, monotonic=clock.monotonic)


class TestContract(KVContract):
    @pytest.fixture
    def another(self, below, clock):
        async def another():
            return LayeredKV(below, monotonic=clock.monotonic)

        return another


async def test_a_hit_reaches_the_store_once_a_second(kv, below, clock):
    await below.put("a", b"v")
    for step in (0.0, 0.5, 0.49):
        clock.now += step
        assert await kv.get("a") == b"v"
    assert below.gets == 1
    clock.now += 0.01
    assert await kv.get("a") == b"v"
    assert below.gets == 2


async def test_what_was_put_is_not_read_again(kv, below, clock):
    await kv.put("a", b"v", ttl=100.0)
    clock.now += 0.99
    assert await kv.get("a") == b"v"
    assert below.gets == 0


async def test_that_there_is_none_is_not_kept(kv, below):
    assert await kv.get("a") is None
    await below.put("a", b"v")
    assert await kv.get("a") == b"v"


@pytest.mark.parametrize("change", ["put", "drop", "expire"])
async def test_what_another_changed_is_served_for_less_than_a_second(kv, below, clock, change):
    await below.put("a", b"old", ttl=0.5)
    assert await kv.get("a") == b"old"
    if change == "put":
        await below.put("a", b"new")
    elif change == "drop":
        await below.drop("a")
    clock.now += 1.0
    assert await kv.get("a") == (b"new" if change == "put" else None)


async def test_its_own_ttl_is_exact(kv, clock):
    await kv.put("a", b"v", ttl=0.5)
    clock.now += 0.49
    assert await kv.get("a") == b"v"
    clock.now += 0.01
    assert await kv.get("a") is None


async def test_the_second_begins_before_the_store_was_asked(kv, below, clock):
    await below.put("a", b"old")
    below.gate.clear()
    asked = asyncio.create_task(kv.get("a"))
    await asyncio.sleep(0)
    await MemoryKV.put(below, "a", b"new")  # by another worker
    clock.now += 1.0
    below.gate.set()
    assert await asked == b"old"
    assert await kv.get("a") == b"new"


async def test_the_second_begins_before_the_store_was_told(kv, below, clock):
    below.gate.clear()
    putting = asyncio.create_task(kv.put("a", b"old"))
    await asyncio.sleep(0)
    del below._values["a"]  # by another worker
    clock.now += 1.0
    below.gate.set()
    await putting
    assert await kv.get("a") is None


@pytest.mark.parametrize("change", ["put", "drop"])
async def test_an_answer_from_before_a_change_is_not_kept(kv, below, change):
    await below.put("a", b"old")
    open_gate, closed = below.gate, asyncio.Event()
    below.gate = closed
    asked = asyncio.create_task(kv.get("a"))
    await asyncio.sleep(0)
    below.gate = open_gate
    await (kv.put("a", b"new") if change == "put" else kv.drop("a"))
    assert not asked.done()
    closed.set()
    assert await asked == b"old"
    assert await kv.get("a") == (b"new" if change == "put" else None)


async def test_after_a_put_that_failed_the_store_is_asked(kv, below):
    await kv.put("a", b"old")
    below.failing = True
    with pytest.raises(StoreError):
        await kv.put("a", b"new")
    assert await kv.get("a") == b"old"
    assert below.gets == 1


async def test_no_more_bytes_than_its_size(below, clock):
    kv = LayeredKV(below, size=100_000, monotonic=clock.monotonic)
    for n in range(100):
        await kv.put(f"{n}", bytes(10_000))
    below.gets = 0
    for n in reversed(range(100)):
        await kv.get(f"{n}")
        if below.gets:
            break
    assert n == 90, "the newest nine fit"
    assert await kv.get("99") == bytes(10_000)


async def test_a_large_value_does_not_push_the_others_out(below, clock):
    kv = LayeredKV(below, size=100_000, monotonic=clock.monotonic)
    await kv.put("small", b"v")
    await kv.put("large", bytes(90_000))
    assert await kv.get("large") == bytes(90_000)
    assert await kv.get("small") == b"v"
    assert below.gets == 1


async def test_what_is_not_fresh_any_more_takes_no_memory(kv, clock):
    for n in range(100):
        await kv.put(f"{n}", b"v")
    clock.now += 1.0
    await kv.put("last", b"v")
    assert list(kv._entries) == ["last"]
