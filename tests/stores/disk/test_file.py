"""A cache folder that somebody prepared: nothing in it is run, followed or believed."""

import os
import pickle
import sqlite3
import subprocess
import sys
from pathlib import Path

import diskcache
import pytest
from store_contract import keys_of

from aigw.core.stores import StoreError
from aigw.stores.disk.cache import DiskCache
from aigw.stores.disk.file import FORMAT
from aigw.stores.disk.kv import DiskKV

MIB = 1 << 20
EXPIRY = bytes(7) + b"\x7f"  # far away


class Payload:
    """What would happen if it was unpickled."""

    def __init__(self, mark):
        self.mark = mark

    def __reduce__(self):
        return Path.touch, (self.mark,)


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "cache"


@pytest.fixture
async def kv(folder):
    cache = DiskCache(folder, size=4 * MIB)
    yield DiskKV(cache)
    await cache.aclose()


@pytest.fixture
async def prepared(folder):
    """A right folder, in which an attacker then changes rows with `prepared(statement, ...)`."""
    cache = DiskCache(folder, size=4 * MIB)
    await DiskKV(cache).put("a", b"right")
    await cache.aclose()

    def prepared(statement, *parameters):
        with sqlite3.connect(folder / "cache.db") as database:
            database.execute(statement, parameters)
        database.close()

    return prepared


async def gone(kv, key="a"):
    """It is not served, may be removed, and there may be another value."""
    assert await kv.get(key) is None
    assert await kv.drop(key) == 0
    await kv.put(key, b"own")
    assert await kv.get(key) == b"own"


async def test_a_pickle_in_a_row_is_not_loaded(kv, prepared, tmp_path):
    mark = tmp_path / "run"
    prepared("UPDATE Cache SET mode = 4, value = ?", pickle.dumps(Payload(mark)))
    assert await keys_of(kv) == set()
    await gone(kv)
    assert not mark.exists()


async def test_a_pickle_in_a_file_is_not_loaded(kv, prepared, folder, tmp_path):
    mark = tmp_path / "run"
    (folder / "x.val").write_bytes(pickle.dumps(Payload(mark)))
    prepared("UPDATE Cache SET mode = 4, value = NULL, filename = 'x.val'")
    await gone(kv)
    assert not mark.exists()


async def test_a_pickle_as_key_is_not_loaded(kv, prepared, tmp_path):
    mark = tmp_path / "run"
    prepared("UPDATE Cache SET raw = 0, key = ?", pickle.dumps(Payload(mark)))
    assert await keys_of(kv) == set()
    await gone(kv)
    assert not mark.exists()


async def test_a_folder_of_plain_diskcache_is_refused(kv, folder, tmp_path):
    mark = tmp_path / "run"
    with diskcache.Cache(folder) as cache:
        cache.set(b"|a", Payload(mark))
    with pytest.raises(StoreError, match="belongs to another program"):
        await kv.get("a")
    assert not mark.exists()


@pytest.mark.parametrize("mode", [2, 3])
async def test_a_path_in_a_row_is_not_followed(kv, prepared, tmp_path, mode):
    secret = tmp_path / "secret"
    secret.write_bytes(b"aigw1" + EXPIRY + b"a secret")
    prepared("UPDATE Cache SET mode = ?, value = NULL, filename = ?", mode, os.fspath(secret))
    await gone(kv)
    assert secret.exists(), "diskcache deletes the file of a row"


@pytest.mark.parametrize(
    "value",
    [
        "text",
        7,
        None,
        b"",
        b"aigw1",
        b"aigw0" + EXPIRY + b"an older format",
        b"aigw2" + EXPIRY + b"a newer format",
        b"aigw1" + bytes(6) + b"\xf8\x7f" + b"expires at NaN",
    ],
)
async def test_what_is_in_no_known_format_is_not_there(kv, prepared, value):
    prepared("UPDATE Cache SET value = ?", value)
    assert await keys_of(kv) == set()
    await gone(kv)


READER = """
import asyncio, sys
from pathlib import Path
from aigw.stores.disk.kv import DiskKV
from aigw.stores.disk.cache import DiskCache

async def main():
    cache = DiskCache(Path(sys.argv[1]))
    kv = DiskKV(cache)
    assert await kv.get("a") is None
    assert await kv.drop("a") == 0
    print(Path("/proc/self/status").read_text().split("VmHWM:", 1)[1].split()[0])
    await cache.aclose()

asyncio.run(main())
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the peak of one process stands in /proc only")
def test_a_huge_value_is_not_loaded(prepared, folder):
    prepared("UPDATE Cache SET value = zeroblob(150000000)")
    done = subprocess.run([sys.executable, "-c", READER, str(folder)], capture_output=True, text=True, check=True)
    assert int(done.stdout) / 1024 < 130, "MiB"


async def test_a_huge_value_makes_room(kv, prepared):
    prepared("UPDATE Cache SET value = zeroblob(150000000)")
    await gone(kv)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("sqlite_hard_heap_limit", 1000),
        ("_disk", "x"),
        ("sqlite_journal_mode", 7),
        ("size", "much"),
        ("disk_min_file_size", "0"),
    ],
)
async def test_a_setting_that_aigw_never_wrote_is_refused(kv, prepared, folder, name, value):
    prepared("INSERT OR REPLACE INTO Settings VALUES (?, ?)", name, value)
    with pytest.raises(StoreError, match="what aigw never put there; delete the folder"):
        await kv.get("a")


ENDLESS = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n WHERE i < 0"


@pytest.mark.parametrize(
    "statement",
    [
        f"CREATE TRIGGER t AFTER INSERT ON Cache BEGIN INSERT INTO Settings {ENDLESS}; END",
        "CREATE TRIGGER Settings_count_insert AFTER INSERT ON Cache BEGIN DELETE FROM Settings; END",
        f"CREATE VIEW v AS {ENDLESS}",
        "CREATE INDEX i ON Cache (length(value) * length(key))",
    ],
)
async def test_code_in_the_file_does_not_run(kv, prepared, statement):
    prepared("DROP TRIGGER Settings_count_insert")
    prepared(statement)
    with pytest.raises(StoreError, match="what aigw never put there; delete the folder"):
        await kv.put("b", b"v")


async def test_settings_of_the_folder_are_not_taken_over(kv, prepared):
    prepared("UPDATE Settings SET value = 'none' WHERE key = 'eviction_policy'")
    prepared("UPDATE Settings SET value = 1 << 60 WHERE key = 'size_limit'")
    for n in range(100):
        await kv.put(f"{n}", bytes(100_000))
    assert len(await keys_of(kv)) < 45


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda path: path.write_bytes(b"garbage" * 1000), "no cache"),
        (lambda path: path.symlink_to(path.with_name("target")), "symbolic link"),
        (lambda path: path.with_name("target").touch() or path.symlink_to("target"), "symbolic link"),
        (os.mkfifo, "a pipe, where aigw has a file"),
        (lambda path: path.mkdir(), "a folder, where aigw has a file"),
        (lambda path: newer(path), "newer aigw"),
    ],
)
async def test_a_file_in_its_place_is_refused_and_left_alone(kv, folder, make, reason):
    folder.mkdir()
    make(folder / "cache.db")
    before = {each: each.read_bytes() for each in folder.iterdir() if each.is_file()}
    for call in (lambda: kv.get("a"), lambda: kv.put("a", b"v"), lambda: kv.drop("a")):
        with pytest.raises(StoreError, match=reason) as raised:
            await call()
        assert "cache.db" in str(raised.value)
    assert {each: each.read_bytes() for each in folder.iterdir() if each.is_file()} == before


def newer(path):
    with sqlite3.connect(path) as database:
        database.execute(f"PRAGMA application_id = {FORMAT.application}")
        database.execute("PRAGMA user_version = 99")
    database.close()


@pytest.mark.parametrize("replacement", ["symlink", "garbage"])
async def test_a_file_that_is_replaced_while_it_is_open_is_refused(folder, tmp_path, replacement):
    clock = [0.0]
    cache = DiskCache(folder, size=4 * MIB, monotonic=lambda: clock[0])
    kv = DiskKV(cache)
    await kv.put("a", b"right")
    (folder / "cache.db").rename(tmp_path / "moved")
    if replacement == "symlink":
        (folder / "cache.db").symlink_to(tmp_path / "elsewhere")
    else:
        (folder / "cache.db").write_bytes(b"garbage" * 1000)
    clock[0] += 1.0
    with pytest.raises(StoreError, match=r"symbolic link|no cache"):
        await kv.get("a")
    assert not (tmp_path / "elsewhere").exists()
    await cache.aclose()
