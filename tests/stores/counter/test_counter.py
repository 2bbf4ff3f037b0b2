"""The counters of one machine: nothing lost between processes or by a kill, and no file touched that is not ours."""

import asyncio
import signal
import sqlite3
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest
from fakes import FakeClock
from store_contract import CounterContract, keys_of

from aigw.core.stores import Limit, StoreError
from aigw.stores.counter import state
from aigw.stores.counter.counter import SqliteCounter
from aigw.stores.counter.file import CounterFile
from aigw.stores.counter.schema import FORMAT

ROOT = Path(__file__).parents[3]


@pytest.fixture
def clock():
    return FakeClock()


@pytest.fixture
def path(tmp_path):
    return tmp_path / "state" / "counters.sqlite"


@pytest.fixture
async def open_counter(path, clock):
    """Each is what another process has: a connection of its own."""
    files = []

    def open_counter(name="", **options):
        files.append(CounterFile(path, now=clock.time))
        return SqliteCounter(files[-1], name, **options)

    yield open_counter
    for file in files:
        await file.aclose()


class TestContract(CounterContract):
    @pytest.fixture
    def elapse(self, clock):
        async def elapse(seconds):
            clock.now += seconds

        return elapse

    @pytest.fixture
    def another(self, open_counter):
        async def another():
            return open_counter()

        return another

    @pytest.fixture
    def counter(self, open_counter):
        return open_counter()


WORKER = """
import asyncio, sys
from pathlib import Path
from aigw.core.stores import Limit
from aigw.stores.counter.counter import SqliteCounter
from aigw.stores.counter.file import CounterFile

async def requests(counter, count):
    for _ in range(count):
        ticket = await counter.hold([Limit("calls", 1 << 40, 60, 1), Limit("tokens", 1 << 40, 3600, 100)])
        await counter.settle(ticket, [1, 46])

async def hammer(counter):
    await asyncio.gather(*(requests(counter, 50) for _ in range(8)))

async def burst(counter):
    await counter.read("a")
    print("ready", flush=True)
    await asyncio.to_thread(sys.stdin.readline)
    tickets = await asyncio.gather(*(counter.hold([Limit("a", 100, 60, 30)]) for _ in range(16)))
    print(sum(ticket.refused is None for ticket in tickets), flush=True)

async def hold(counter):
    await counter.hold([Limit("a", 100, 60, 30)])
    print("held", flush=True)
    await asyncio.to_thread(sys.stdin.readline)

async def one_by_one(counter):
    for n in range(1000):
        await counter.settle(await counter.hold([Limit("left", 1 << 40), Limit("right", 1 << 40)]), [1, 1])
        print(n + 1, flush=True)

async def main():
    file = CounterFile(Path(sys.argv[1]))
    await globals()[sys.argv[2]](SqliteCounter(file, patience=30.0))
    await file.aclose()

asyncio.run(main())
"""


def worker(path, work):
    command = [sys.executable, "-c", WORKER, str(path), work]
    return subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


async def test_several_processes_lose_nothing(path, open_counter, clock):
    clock.now = time.time()
    children = [worker(path, "hammer") for _ in range(3)]
    for child in children:
        child.communicate(timeout=60)
        assert child.returncode == 0
    calls, tokens = await open_counter().read("calls", "tokens")
    assert (calls.used, calls.held) == (1200, 0)
    assert (tokens.used, tokens.held) == (1200 * 46, 0)


def test_a_burst_over_two_processes_overshoots_by_one_hold(path):
    children = [worker(path, "burst") for _ in range(2)]
    for child in children:
        assert child.stdout.readline() == "ready\n"
    for child in children:
        child.stdin.write("go\n")
        child.stdin.flush()
    admitted = [int(child.communicate(timeout=60)[0]) for child in children]
    assert sum(admitted) == 4, "0, 30, 60 and 90 of 100 are held before them"


async def test_kill_9_in_the_middle(path, open_counter):
    child = worker(path, "one_by_one")
    told = 0
    for line in child.stdout:
        told = int(line)
        if told == 400:
            child.send_signal(signal.SIGKILL)
    assert child.wait() == -signal.SIGKILL
    child.communicate()
    counter = open_counter()
    left, right = await counter.read("left", "right")
    assert left == right, "half of a decision"
    assert left.used in (told, told + 1)
    assert left.used < 1000
    assert await counter.add("left", 1) == left.used + 1
    with sqlite3.connect(path) as database:
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    database.close()


async def test_what_a_killed_worker_held_comes_free(path, open_counter, clock):
    dying = open_counter()
    await dying.hold([Limit("a", 10, 0, 11)], lease=900.0)
    counter = open_counter()
    assert (await counter.hold([Limit("a", 10, 0, 1)])).refused == 0
    clock.now += 900.0
    assert (await counter.hold([Limit("a", 10, 0, 1)])).refused is None


async def test_what_a_killed_process_held_comes_free_with_the_next(path, open_counter, clock):
    clock.now = time.time()
    living = open_counter()
    await living.hold([Limit("a", 100, 0, 7)])
    child = worker(path, "hold")
    assert child.stdout.readline() == "held\n"
    assert (await living.read("a"))[0].held == 37
    child.kill()
    child.communicate()
    assert (await open_counter().read("a"))[0].held == 7, "another that lives keeps what it holds"


async def test_names_keep_their_data_apart(open_counter):
    one, other = open_counter("a:1/0"), open_counter("a:1/01")
    await one.put("key", 1)
    await other.put("key", 2)
    assert [count.used for count in await one.read("key")] == [1]
    assert await keys_of(other) == {"key"}
    assert await one.drop("key") == 1
    assert await other.add("key", 0) == 2


async def test_more_keys_than_a_page(open_counter, clock):
    counter = open_counter()
    for n in range(1100):
        await counter.settle(await counter.hold([Limit(f"k{n}", 10, n % 2)]), [1])
    clock.now += 1.0
    assert await keys_of(counter) == {f"k{n}" for n in range(0, 1100, 2)}


async def test_what_does_not_fit_is_an_error_and_changes_nothing(open_counter):
    counter = open_counter()
    await counter.put("a", (1 << 63) - 1)
    ticket = await counter.hold([Limit("b", 10), Limit("a", 1 << 62)])
    assert ticket.refused == 1
    with pytest.raises(StoreError, match="64 bits"):
        await counter.settle(ticket, [1, 1])
    with pytest.raises(StoreError, match="64 bits"):
        await counter.add("a", 1)
    assert [count.used for count in await counter.read("b", "a")] == [0, (1 << 63) - 1]


async def test_another_process_that_writes_does_not_block_the_loop(path, open_counter):
    counter, patient = open_counter(patience=0.2), open_counter(patience=30.0)
    await counter.add("a", 1)
    await patient.read("a")
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    waiting = asyncio.create_task(patient.add("a", 1))
    ticks, longest, before = 0, 0.0, time.monotonic()
    refused = asyncio.create_task(counter.hold([Limit("a", 10, 0, 1)]))
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

    def buggy(connection):
        state.put(connection, b"|a", 99)
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
    with pytest.raises(StoreError, match="cannot be opened"):
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


def test_importing_it_loads_no_sqlite():
    code = "import sys, aigw.stores.counter; print('sqlite3' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False"]


async def test_what_expired_long_ago_is_deleted(path, open_counter, clock):
    counter = open_counter()
    await counter.hold([Limit("held", 10, 0, 1)], lease=1.0)
    await counter.settle(await counter.hold([Limit("old", 10, 1)]), [1])
    await counter.settle(await counter.hold([Limit("new", 10, 4000)]), [1])
    await counter.add("ever", 1)
    clock.now += 3602.0
    later = CounterFile(path, now=clock.time)
    await SqliteCounter(later).read("else")
    await later.aclose()
    with sqlite3.connect(path) as database:
        assert database.execute("SELECT key FROM counters ORDER BY key").fetchall() == [(b"|ever",), (b"|new",)]
        assert database.execute("SELECT * FROM holds").fetchall() == []
    database.close()
