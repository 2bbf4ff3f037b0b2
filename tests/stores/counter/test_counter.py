"""The counters of one machine: nothing lost between processes or by a kill, and no file touched that is not ours."""

import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest
from store_contract import CounterContract, keys_of

from aigw.core.stores import Limit, StoreError

ROOT = Path(__file__).parents[3]


class TestContract(CounterContract):
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


@pytest.fixture
def worker(child, path):
    """Starts a process that does one of these works."""
    return lambda work: child(
        [sys.executable, "-c", WORKER, str(path), work], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )


async def test_several_processes_lose_nothing(path, open_counter, clock, worker):
    clock.now = time.time()
    children = [worker("hammer") for _ in range(3)]
    for child in children:
        child.communicate(timeout=60)
        assert child.returncode == 0
    calls, tokens = await open_counter().read("calls", "tokens")
    assert (calls.used, calls.held) == (1200, 0)
    assert (tokens.used, tokens.held) == (1200 * 46, 0)


def test_a_burst_over_two_processes_overshoots_by_one_hold(path, worker):
    children = [worker("burst") for _ in range(2)]
    for child in children:
        assert child.stdout.readline() == "ready\n"
    for child in children:
        child.stdin.write("go\n")
        child.stdin.flush()
    admitted = [int(child.communicate(timeout=60)[0]) for child in children]
    assert sum(admitted) == 4, "0, 30, 60 and 90 of 100 are held before them"


async def test_kill_9_in_the_middle(path, open_counter, worker):
    child = worker("one_by_one")
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


async def test_what_a_killed_worker_held_is_charged_when_its_lease_ends(path, open_counter, clock):
    dying = open_counter()
    await dying.hold([Limit("a", 10, 0, 11)], lease=900.0)
    counter = open_counter()
    assert (await counter.hold([Limit("a", 10, 0, 1)])).refused == 0
    clock.now += 900.0
    assert await keys_of(counter) == {"a"}
    assert (await counter.read("a"))[0][:2] == (11, 0)


async def test_what_a_killed_process_held_is_charged_by_the_next(path, open_counter, clock, worker):
    clock.now = time.time()
    living = open_counter()
    await living.hold([Limit("a", 100, 0, 7)])
    child = worker("hold")
    assert child.stdout.readline() == "held\n"
    assert (await living.read("a"))[0].held == 37
    child.kill()
    child.communicate()
    assert (await open_counter().read("a"))[0][:2] == (30, 7), "another that lives keeps what it holds"


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


def test_importing_it_loads_no_sqlite():
    code = "import sys, aigw.stores.counter; print('sqlite3' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False"]
