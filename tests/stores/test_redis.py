"""The stores in Redis keep the contract, on a real server; and what stands in Redis has Higress's shape."""

import asyncio

import pytest
from redis.asyncio import Redis
from redis_server import redis_server
from store_contract import CounterContract, KVContract

from aigw.stores.redis import RedisStores


@pytest.fixture
async def server(tmp_path):
    async with redis_server(tmp_path) as server:
        yield server


@pytest.fixture
async def stores(server):
    stores = RedisStores(f"{server.url}/0?prefix=p:")
    yield stores
    await stores.aclose()


@pytest.fixture
async def raw(server):
    async with Redis(port=server.port) as client:
        yield client


@pytest.fixture
async def more(server):
    """Stores of other workers."""
    opened = []

    def open_more():
        opened.append(RedisStores(f"{server.url}/0?prefix=p:"))
        return opened[-1]

    yield open_more
    for each in opened:
        await each.aclose()


@pytest.fixture
def elapse():
    return asyncio.sleep


class TestKV(KVContract):
    @pytest.fixture
    def kv(self, stores):
        return stores.kv()

    @pytest.fixture
    def another(self, more):
        async def another():
            return more().kv()

        return another


class TestCounter(CounterContract):
    @pytest.fixture
    def counter(self, stores):
        return stores.counter()

    @pytest.fixture
    def another(self, more):
        async def another():
            return more().counter()

        return another
