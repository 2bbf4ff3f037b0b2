"""A cache that breaks while it is open: the call that meets it says so, and the next one opens it anew."""

import asyncio
import sqlite3
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aigw.core.stores import StoreError
from aigw.stores.disk.cache import DiskCache
from aigw.stores.disk.kv import DiskKV
from aigw.stores.memory import MemoryKV


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


async def test_sqlite_keeps_little_of_the_file_in_memory(tmp_path):
    cache = DiskCache(tmp_path / "cache", size=1 << 22)
    for ask in (cache.read, cache.write):  # each in its thread
        assert await ask(lambda opened: opened._sql("PRAGMA cache_size").fetchone()) == (512,)
        assert await ask(lambda opened: opened._sql("PRAGMA mmap_size").fetchone()) == (0,)
    await cache.aclose()


async def test_a_write_that_fails_is_told_to_all_that_were_committed_together(kv, tmp_path):
    await kv.put("a", b"1")
    with sqlite3.connect(tmp_path / "cache" / "cache.db") as database:
        database.execute("DROP TABLE Cache")
    database.close()
    found = await asyncio.gather(*(kv.put(key, b"2") for key in "abc"), return_exceptions=True)
    assert {str(each) for each in found} == {f"{tmp_path}/cache/cache.db cannot be used: no such table: Cache"}
    await kv.put("a", b"3")
    assert await kv.get("a") == b"3"


def nothing():
    """Nobody waits."""


async def test_what_is_put_soon_is_lost_without_a_word_if_it_cannot_be_written(kv, tmp_path):
    await kv.put("a", b"1")
    with sqlite3.connect(tmp_path / "cache" / "cache.db") as database:
        database.execute("DROP TABLE Cache")
    database.close()
    kv.put_soon("b", b"2", None, nothing)
    assert await kv.get("b") == b"2"
    with pytest.raises(StoreError):
        await kv.put("c", b"3")
    assert await kv.get("b") is None


async def test_what_is_put_soon_is_written_at_the_end(tmp_path):
    cache = DiskCache(tmp_path / "cache")
    DiskKV(cache).put_soon("a", b"1", 60.0, nothing)
    await cache.aclose()
    cache = DiskCache(tmp_path / "cache")
    assert await DiskKV(cache).get("a") == b"1"
    await cache.aclose()


async def test_what_is_put_soon_while_others_are_written_is_written_at_the_end(tmp_path):
    cache = DiskCache(tmp_path / "cache")
    kv = DiskKV(cache)
    first = asyncio.create_task(kv.put("a", b"1"))
    await asyncio.sleep(0)  # it waits for its write
    await asyncio.sleep(0)  # the write is under way
    kv.put_soon("b", b"2", 60.0, nothing)
    await cache.aclose()
    await first
    cache = DiskCache(tmp_path / "cache")
    assert await DiskKV(cache).get("b") == b"2"
    await cache.aclose()


async def test_what_is_put_soon_is_bounded(kv):
    value = b"x" * (1 << 20)
    for number in range(5):
        kv.put_soon(str(number), value, None, nothing)
    assert [await kv.get(str(number)) is not None for number in range(5)] == [True] * 3 + [False] * 2


async def test_values_for_which_nobody_waits_are_one_transaction(kv, tmp_path):
    await kv.put("first", b"1")
    with sqlite3.connect(tmp_path / "cache" / "cache.db") as database:
        (before,) = database.execute("PRAGMA data_version").fetchone()
        for number in range(50):
            kv.put_soon(str(number), b"2", None, nothing)
            await asyncio.sleep(0)
        assert database.execute("SELECT count(*) FROM Cache").fetchone() == (1,)
        assert database.execute("PRAGMA data_version").fetchone() == (before,)
        await kv.put("last", b"3")
        assert database.execute("SELECT count(*) FROM Cache").fetchone() == (52,)
    database.close()


async def test_what_is_too_large_takes_the_place_of_what_was_there(kv):
    await kv.put("a", b"1")
    kv.put_soon("a", b"x" * (1 << 21), None, nothing)
    await kv.put("b", b"2")
    assert await kv.get("a") is None


KEYS = st.sampled_from("ab")
VALUES = st.sampled_from([b"", b"1", b"2"])
STEPS = st.one_of(
    st.tuples(st.sampled_from(["put", "put_soon"]), KEYS, VALUES),
    st.tuples(st.just("swap"), KEYS, st.none() | VALUES, VALUES),
    st.tuples(st.sampled_from(["drop", "get"]), KEYS),
    st.tuples(st.just("turn")),
)


@settings(max_examples=15, deadline=None)
@given(steps=st.lists(STEPS, max_size=20))
async def test_however_values_are_kept_the_last_one_is_found(steps):
    model = MemoryKV()
    with tempfile.TemporaryDirectory() as folder:
        cache = DiskCache(Path(folder) / "cache")
        kv = DiskKV(cache)
        for name, *arguments in steps:
            if name == "turn":
                await asyncio.sleep(0)
            elif name == "put_soon":
                for each in (kv, model):
                    each.put_soon(*arguments, None, nothing)
            else:
                assert await getattr(kv, name)(*arguments) == await getattr(model, name)(*arguments)
        await cache.aclose()
