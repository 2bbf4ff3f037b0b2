"""The file of the counters: who waits for it, what is decided together, and files of others in its place."""

import asyncio
import sqlite3
import stat
import time

import pytest

from aigw.core.stores import Limit, StoreError
from aigw.stores.counter import state
from aigw.stores.counter.counter import SqliteCounter
from aigw.stores.counter.file import CounterFile
from aigw.stores.counter.schema import FORMAT


async def test_another_process_that_writes_does_not_block_the_loop(path, open_counter):
    counter, patient = open_counter(patience=0.2), open_counter(patience=30.0)
    await counter.add("a", 1)
    await patient.read("a")
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    waiting = asyncio.create_task(patient.add("a", 1))
    ticks, longest, before = 0, 0.0, time.monotonic()
    refused = asyncio.create_task(counter.hold([Limit("a", 10, 0, 1)]))
    async with asyncio.timeout(20):
        while not refused.done():
            await asyncio.sleep(0)
            ticks, longest, before = ticks + 1, max(longest, time.monotonic() - before), time.monotonic()
    with pytest.raises(StoreError, match=r"counters\.sqlite is busy"):
        await refused
    assert ticks > 100
    assert longest < 0.1
    assert (await counter.read("a"))[0].used == 1, "reading waits for nobody"
    other.execute("COMMIT")
    other.close()
    assert await waiting == 2


async def test_what_waited_is_decided_in_its_order_and_one_error_is_its_own(path, open_counter):
    counter = open_counter(patience=30.0)
    await counter.put("full", (1 << 63) - 1)
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    adding = [asyncio.create_task(counter.add("a", 1)) for _ in range(50)]
    failing = asyncio.create_task(counter.add("full", 1))
    holding = [asyncio.create_task(counter.hold([Limit("a", 50, 0, 30)])) for _ in range(3)]
    await asyncio.sleep(0.01)
    assert not any(task.done() for task in (*adding, failing, *holding))
    other.execute("COMMIT")
    other.close()
    assert await asyncio.gather(*adding) == list(range(1, 51))
    with pytest.raises(StoreError, match="64 bits"):
        await failing
    tickets = await asyncio.gather(*holding)
    assert [ticket.refused for ticket in tickets] == [None, 0, 0]


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda path: path.write_bytes(b"These are the accounts of 1997, not SQLite." * 50), "no counter file"),
        (lambda path: sql(path, "CREATE TABLE t (a)"), "another program"),
        (lambda path: sql(path, "PRAGMA application_id = 0x61696777"), "another program"),
        (
            lambda path: sql(path, *marks(99)),
            "newer aigw (format 99, this one knows 1); upgrade aigw",
        ),
        (
            lambda path: sql(
                path, *FORMAT.schema, *marks(1), "CREATE TRIGGER t AFTER INSERT ON holds BEGIN SELECT 1; END"
            ),
            "what aigw never put there",
        ),
        (lambda path: sql(path, *marks(1), "CREATE VIEW counters AS SELECT 1 AS key"), "what aigw never put there"),
        (lambda path: sql(path, *FORMAT.schema, *marks(0)), "what aigw never put there"),
        (lambda path: path.with_name("target").touch() or path.symlink_to("target"), "symbolic link"),
        (lambda path: path.symlink_to("nowhere"), "symbolic link"),
    ],
)
async def test_a_file_that_it_does_not_know_is_refused_and_left_alone(path, open_counter, make, reason):
    path.parent.mkdir()
    make(path)
    before = {each: each.read_bytes() for each in path.parent.iterdir() if each.exists()}
    counter = open_counter()
    for _ in range(2):
        with pytest.raises(StoreError) as raised:
            await counter.add("a", 1)
        assert reason in str(raised.value)
        assert f"{path}" in str(raised.value)
        assert "move it away" in str(raised.value)
    assert {each: each.read_bytes() for each in path.parent.iterdir() if each.exists()} == before


def marks(version):
    return f"PRAGMA application_id = {FORMAT.application}", f"PRAGMA user_version = {version}"


def sql(path, *statements):
    database = sqlite3.connect(path)
    for statement in statements:
        database.execute(statement)
    database.commit()
    database.close()


async def test_a_decision_with_a_bug_harms_no_other(path):
    file = CounterFile(path)
    counter = SqliteCounter(file)

    def buggy(transaction):
        state.put(transaction.connection, b"|a", 99)
        raise RuntimeError("a bug")

    async with asyncio.timeout(10):
        outcomes = await asyncio.gather(
            counter.add("a", 1), file.decide(buggy, 1.0), counter.add("a", 2), return_exceptions=True
        )
        assert [outcomes[0], str(outcomes[1]), outcomes[2]] == [1, "a bug", 3]
        assert await counter.add("a", 1) == 4
    await file.aclose()


async def test_a_damaged_file_is_a_clear_error(path, open_counter):
    counter = open_counter()
    for n in range(200):
        await counter.put(f"{n}", n)
    await open_counter().read("1")
    await counter._file.aclose()
    sql(path, "PRAGMA wal_checkpoint(TRUNCATE)")
    content = path.read_bytes()
    path.write_bytes(content[:1024] + b"\xff" * (len(content) - 1024))
    with pytest.raises(StoreError, match=r"counters\.sqlite cannot be opened: .*malformed"):
        await open_counter().add("1", 1)


async def test_a_folder_that_cannot_be_made_is_a_store_error(tmp_path):
    (tmp_path / "file").touch()
    file = CounterFile(tmp_path / "file" / "counters.sqlite")
    with pytest.raises(StoreError, match="file is a file, where aigw has a folder"):
        await SqliteCounter(file).read("a")
    await file.aclose()
    with pytest.raises(StoreError, match="is closed"):
        await SqliteCounter(file).read("a")


async def test_only_the_owner_may_look(path, open_counter):
    await open_counter().add("a", 1)
    modes = {each.name: stat.S_IMODE(each.stat().st_mode) for each in [path.parent, *path.parent.iterdir()]}
    assert modes.pop("state") == 0o700
    assert set(modes) == {f"counters.sqlite{end}" for end in ("", "-wal", "-shm")}
    assert set(modes.values()) == {0o600}


async def test_who_stops_waiting_for_the_file_does_not_stop_the_others(open_counter):
    counter = open_counter()
    first, second = (asyncio.create_task(counter.add("a", 1)) for _ in range(2))
    await asyncio.sleep(0)
    first.cancel()
    assert await second == 1
    assert first.cancelled()


async def test_what_was_to_be_settled_is_while_what_was_to_be_held_is_not(path, open_counter):
    counter = open_counter()
    ticket = await counter.hold([Limit("a", 100, 0, 5)])
    with sqlite3.connect(path, isolation_level=None) as other:
        other.execute("BEGIN IMMEDIATE")
        waiting = [
            asyncio.create_task(counter.settle(ticket, [46])),
            asyncio.create_task(counter.hold([Limit("a", 100, 0, 5)])),
        ]
        await asyncio.sleep(0)
        for task in waiting:
            task.cancel()
        await asyncio.wait(waiting)
        assert all(task.cancelled() for task in waiting)
        other.execute("COMMIT")
    other.close()
    await counter._file.aclose()
    assert (await open_counter().read("a"))[0][:2] == (46, 0)
