"""The cache folder: bytes that survive, nothing else that somebody put there, and never more than its size."""

import asyncio
import signal
import sqlite3
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from fakes import FakeClock
from store_contract import KVContract, keys_of

from aigw.core.stores import StoreError
from aigw.stores.disk.cache import DiskCache
from aigw.stores.disk.kv import DiskKV
from aigw.stores.memory_layer import LayeredKV

ROOT = Path(__file__).parents[3]
MIB = 1 << 20


@pytest.fixture
def clock():
    return FakeClock()


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "state" / "cache"


@pytest.fixture
async def open_kv(folder, clock):
    """Each is what another process has: a cache of its own."""
    caches = []

    def open_kv(name="", **options):
        caches.append(DiskCache(folder, now=clock.time, **options))
        return DiskKV(caches[-1], name)

    yield open_kv
    for cache in caches:
        await cache.aclose()


class TestContract(KVContract):
    @pytest.fixture
    def another(self, open_kv):
        async def another():
            return open_kv()

        return another

    @pytest.fixture
    def kv(self, open_kv):
        return open_kv()


async def test_values_outlive_the_process(open_kv):
    first = open_kv()
    await first.put("a", b"kept")
    await first._cache.aclose()
    with pytest.raises(StoreError, match="is closed"):
        await first.get("a")
    assert await open_kv().get("a") == b"kept"


async def test_names_keep_their_data_apart(open_kv):
    one, other = open_kv("a:1/0"), open_kv("a:1/01")
    await one.put("key", b"1")
    await other.put("key", b"2")
    assert await one.get("key") == b"1"
    assert await one.drop("key") == 1
    assert await keys_of(one) == set()
    assert await other.get("key") == b"2"


async def test_what_comes_together_is_kept_together(open_kv):
    kv = open_kv()
    await asyncio.gather(*(kv.put(f"{n}", b"%d" % n) for n in range(500)))
    assert [await kv.get(f"{n}") for n in range(500)] == [b"%d" % n for n in range(500)]


async def test_a_key_that_cannot_be_kept_does_not_keep_the_others_out(open_kv):
    kv = open_kv(size=MIB)
    outcomes = await asyncio.gather(
        kv.put("a", b"1"), kv.put("k" * MIB, b"2"), kv.put("b", b"3"), return_exceptions=True
    )
    assert [type(outcome) for outcome in outcomes] == [type(None), StoreError, type(None)]
    assert (await kv.get("a"), await kv.get("b")) == (b"1", b"3")


async def test_the_oldest_make_room(open_kv, folder):
    kv = open_kv(size=2 * MIB)
    for n in range(60):
        await kv.put(f"{n:02}", bytes(100_000))
    kept = sorted(await keys_of(kv))
    assert 10 <= len(kept) <= 20
    assert kept == [f"{n:02}" for n in range(60 - len(kept), 60)]
    await kv._cache.aclose()
    assert sum(each.stat().st_size for each in folder.iterdir()) < 2.5 * MIB


async def test_one_large_value_replaces_many_small_ones(open_kv):
    kv = open_kv(size=2 * MIB)
    for n in range(300):
        await kv.put(f"{n}", bytes(5000))
    await kv.put("large", bytes(500_000))
    assert await kv.get("large") == bytes(500_000)


async def test_a_value_that_is_too_large_is_not_kept(open_kv):
    kv = open_kv(size=MIB)
    await kv.put("a", b"small")
    await kv.put("a", bytes(MIB // 4 + 1))
    assert await kv.get("a") is None
    await kv.put("a", bytes(MIB // 4))
    assert await kv.get("a") == bytes(MIB // 4)


async def test_only_the_owner_may_look(open_kv, folder):
    folder.mkdir(parents=True, mode=0o755)
    kv = open_kv()
    await kv.put("a", bytes(100_000))
    assert await kv.get("a") is not None
    modes = {each.name: stat.S_IMODE(each.stat().st_mode) for each in [folder, *folder.iterdir()]}
    assert modes == {"cache": 0o700, "cache.db": 0o600, "cache.db-wal": 0o600, "cache.db-shm": 0o600}


async def test_a_new_state_folder_is_the_owners_alone(open_kv, folder):
    await open_kv().put("a", b"v")
    assert stat.S_IMODE(folder.parent.stat().st_mode) == 0o700


@pytest.fixture
def process(child, folder):
    """Runs code, to which it tells the folder."""
    return lambda code: child(
        [sys.executable, "-c", code, str(folder)], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )


VICTIM = """
import asyncio, sys
from pathlib import Path
from aigw.stores.disk.kv import DiskKV
from aigw.stores.disk.cache import DiskCache

async def main():
    kv = DiskKV(DiskCache(Path(sys.argv[1])))
    async def put(n):
        await kv.put(f"{n:04}", b"%04d" % n * 5000)
        print(n, flush=True)
    for n in range(0, 1000, 4):
        await asyncio.gather(*(put(n + i) for i in range(4)))

asyncio.run(main())
"""


async def test_kill_9_in_the_middle_of_a_thousand_writes(open_kv, folder, process):
    child = process(VICTIM)
    told = set()
    for line in child.stdout:
        if line.endswith("\n"):
            told.add(int(line))
        if len(told) == 400:
            child.send_signal(signal.SIGKILL)
    assert child.wait() == -signal.SIGKILL
    child.communicate()
    kv = open_kv()
    found = {int(key) for key in await keys_of(kv)}
    assert told <= found, "acknowledged and lost"
    assert len(found) < 1000
    for n in found:
        assert await kv.get(f"{n:04}") == b"%04d" % n * 5000
    await kv.put("after", b"v")
    assert await kv.get("after") == b"v"
    with sqlite3.connect(folder / "cache.db") as database:
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    database.close()


OTHER = """
import asyncio, sys
from pathlib import Path
from aigw.stores.disk.kv import DiskKV
from aigw.stores.disk.cache import DiskCache
from aigw.stores.memory_layer import LayeredKV

async def main():
    cache = DiskCache(Path(sys.argv[1]))
    kv = LayeredKV(DiskKV(cache))
    print((await kv.get("changed")).decode(), flush=True)
    for line in sys.stdin:
        if line == "change\\n":
            await kv.put("changed", b"new")
            await kv.drop("dropped")
            await kv.put("expired", b"brief", ttl=0.05)
        print("done", flush=True)
    await cache.aclose()

asyncio.run(main())
"""


async def test_two_processes_agree_within_a_second(folder, process):
    cache = DiskCache(folder)
    kv = LayeredKV(DiskKV(cache))
    for key in ("changed", "dropped", "expired"):
        await kv.put(key, b"old")
    child = process(OTHER)
    assert child.stdout.readline() == "old\n"
    loop = asyncio.get_running_loop()
    assert [await kv.get(key) for key in ("changed", "dropped", "expired")] == [b"old"] * 3
    child.stdin.write("change\n")
    child.stdin.flush()
    assert child.stdout.readline() == "done\n"
    changed = loop.time()
    while [await kv.get(key) for key in ("changed", "dropped", "expired")] != [b"new", None, None]:
        assert loop.time() < changed + 1.05, "an entry was served too long"
        await asyncio.sleep(0.005)
    child.communicate(timeout=20)
    await cache.aclose()
