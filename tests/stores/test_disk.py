"""The cache folder: bytes that survive, nothing else that somebody put there, and never more than its size."""

import pytest
from fakes import FakeClock
from store_contract import KVContract

from aigw.stores.disk import DiskKV
from aigw.stores.disk_cache import DiskCache


@pytest.fixture
def clock():
    return FakeClock()


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "state" / "cache"


@pytest.fixture
async def open_cache(folder, clock):
    caches = []

    def open_cache(**options):
        caches.append(DiskCache(folder, now=clock.time, **options))
        return caches[-1]

    yield open_cache
    for cache in caches:
        await cache.aclose()


class TestContract(KVContract):
    @pytest.fixture
    def elapse(self, clock):
        async def elapse(seconds):
            clock.now += seconds

        return elapse

    @pytest.fixture
    def another(self, open_cache):
        async def another():
            return DiskKV(open_cache())

        return another

    @pytest.fixture
    async def kv(self, another):
        return await another()
