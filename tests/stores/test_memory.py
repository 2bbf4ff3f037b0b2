"""The reference implementation keeps the contract."""

import pytest
from fakes import FakeClock
from store_contract import CounterContract, KVContract

from aigw.core.stores import LOCAL, Service
from aigw.stores.memory import MemoryStores


@pytest.fixture
def clock():
    return FakeClock()


@pytest.fixture
def stores(clock):
    return MemoryStores(clock.time)


class TestKV(KVContract):
    @pytest.fixture
    def kv(self, stores):
        return stores.kv()

    @pytest.fixture
    def another(self, stores):
        async def another():
            return stores.kv()

        return another


class TestCounter(CounterContract):
    @pytest.fixture
    def counter(self, stores):
        return stores.counter()

    @pytest.fixture
    def another(self, stores):
        async def another():
            return stores.counter()

        return another


@pytest.mark.parametrize("other", [Service("a"), Service("a", 6380), Service("a", database=1)])
async def test_services_keep_their_data_apart(stores, other):
    for service in (LOCAL, other):
        await stores.kv(service).put("key", service.name.encode())
        await stores.counter(service).add("key", 1)
    assert await stores.kv(LOCAL).get("key") == b""
    assert await stores.kv(other).get("key") == b"a"
    assert await stores.counter(other).add("key", 1) == 2
