"""The counters of one machine: as the reference, whatever the clock does, and nothing lost between processes."""

import pytest
from fakes import FakeClock
from store_contract import CounterContract

from aigw.stores.counter import SqliteCounter
from aigw.stores.counter_file import CounterFile


@pytest.fixture
def clock():
    return FakeClock()


@pytest.fixture
def path(tmp_path):
    return tmp_path / "state" / "counters.sqlite"


class TestContract(CounterContract):
    @pytest.fixture
    def elapse(self, clock):
        async def elapse(seconds):
            clock.now += seconds

        return elapse

    @pytest.fixture
    async def another(self, path, clock):
        files = []

        async def another():
            files.append(CounterFile(path, now=clock.time))
            return SqliteCounter(files[-1])

        yield another
        for file in files:
            await file.aclose()

    @pytest.fixture
    async def counter(self, another):
        return await another()
