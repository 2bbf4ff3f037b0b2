"""One process at a time changes a collection, and says who it is."""

import asyncio
import os
import subprocess
import sys
import threading

import pytest

from aigw.core.retrieval import RetrievalError
from aigw.stores.faiss.lock import awaited, held

HOLD = """
import sys
from pathlib import Path
from aigw.stores.faiss.lock import held
with held(Path(sys.argv[1]), "docs"):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def path(tmp_path):
    return tmp_path / "lock"


@pytest.fixture
def holder(path):
    pipe = subprocess.PIPE
    with subprocess.Popen([sys.executable, "-c", HOLD, str(path)], stdin=pipe, stdout=pipe) as process:
        process.stdout.readline()
        yield process
        process.kill()


def test_a_second_process_says_who_holds_it(path, holder):
    with (
        pytest.raises(RetrievalError, match=rf"docs is being changed by process {holder.pid} since \d\d:\d\d:\d\d"),
        held(path, "docs", patience=0.05),
    ):
        pytest.fail("two hold it")


def test_a_second_process_waits_and_says_so(path, holder):
    told = []

    def tell(sentence):
        told.append(sentence)
        holder.stdin.close()

    with held(path, "docs", patience=60, tell=tell):
        assert f'"pid": {os.getpid()}' in path.read_text()
    assert len(told) == 1
    assert f"process {holder.pid} since" in told[0]
    assert "waiting" in told[0]


async def test_who_is_cancelled_waits_no_longer(path, holder):
    told = asyncio.Event()

    async def wait():
        async with awaited(path, "docs", patience=60, tell=lambda sentence: told.set()):
            pytest.fail("two hold it")

    waiting = asyncio.create_task(wait())
    async with asyncio.timeout(10):
        await told.wait()
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
    holder.stdin.close()
    async with awaited(path, "docs", patience=60):
        assert f'"pid": {os.getpid()}' in path.read_text()


def test_a_killed_process_holds_nothing(path, holder):
    holder.kill()
    with held(path, "docs", patience=10):
        pass


def test_threads_exclude_each_other(path):
    inside, most = [], []

    def work():
        with held(path, "docs"):
            inside.append(1)
            most.append(len(inside))
            inside.pop()

    threads = [threading.Thread(target=work) for _ in range(8)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert most == [1] * 8
