"""The memory in front of a KV: cheap, bounded, and never a second behind the others."""

import pytest
from fakes import FakeClock
from store_contract import KVContract

from aigw.stores.layer import LayeredKV
from aigw.stores.memory import MemoryKV


@pytest.fixture
def clock():
    return FakeClock()


class TestContract(KVContract):
    @pytest.fixture
    def below(self, clock):
        return MemoryKV(clock.time)

    @pytest.fixture
    def elapse(self, clock):
        async def elapse(seconds):
            clock.now += seconds

        return elapse

    @pytest.fixture
    def another(self, below, clock):
        async def another():
            return LayeredKV(below, monotonic=clock.monotonic)

        return another

    @pytest.fixture
    async def kv(self, another):
        return await another()
