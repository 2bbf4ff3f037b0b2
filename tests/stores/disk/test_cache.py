"""A cache that breaks while it is open: the call that meets it says so, and the next one opens it anew."""

import asyncio
import sqlite3

import pytest

from aigw.core.stores import StoreError
from aigw.stores.disk.cache import DiskCache
from aigw.stores.disk.kv import DiskKV


@pytest.fixture
async def kv(tmp_path):
    cache = DiskCache(tmp_path / "cache", size=1 << 22)
    yield DiskKV(cache)
    await cache.aclose()


async def test_a_file_that_broke_is_told_once(kv, tmp_path):
    await kv.put("a", b"1")
    assert await kv.get("a") == b"1"
    with sqlite3.connect(tmp_path / "cache" / "cache.db") as database:
        database.execute("DROP TABLE Cache")
    database.close()
    with pytest.raises(StoreError, match=r"cache\.db cannot be used: no such table"):
        await kv.get("a")
    assert await kv.get("a") is None
    await kv.put("a", b"2")
    assert await kv.get("a") == b"2"


async def test_a_write_that_fails_is_told_to_all_that_were_committed_together(kv, tmp_path):
    await kv.put("a", b"1")
    with sqlite3.connect(tmp_path / "cache" / "cache.db") as database:
        database.execute("DROP TABLE Cache")
    database.close()
    found = await asyncio.gather(*(kv.put(key, b"2") for key in "abc"), return_exceptions=True)
    assert {str(each) for each in found} == {f"{tmp_path}/cache/cache.db cannot be used: no such table: Cache"}
    await kv.put("a", b"3")
    assert await kv.get("a") == b"3"
