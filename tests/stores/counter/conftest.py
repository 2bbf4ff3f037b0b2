"""Counters of one machine, each with a connection of its own."""

import pytest
from fakes import FakeClock

from aigw.stores.counter.counter import SqliteCounter
from aigw.stores.counter.file import CounterFile


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
        return SqliteCounter(files[-1], name, **{"patience": 30.0, **options})

    yield open_counter
    for file in files:
        await file.aclose()
