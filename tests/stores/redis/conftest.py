"""Stores in a real server."""

import asyncio

import pytest
from redis.asyncio import Redis

from aigw.stores.redis.stores import RedisStores


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
