"""The counters in a file do what the reference does, whatever the clock does."""

import shutil
import tempfile
from pathlib import Path

from counter_model import CounterMachine
from hypothesis import settings

from aigw.stores.counter.counter import SqliteCounter
from aigw.stores.counter.file import CounterFile


class SqliteMachine(CounterMachine):
    async def make(self, clock):
        folder = Path(tempfile.mkdtemp())
        file = CounterFile(folder / "counters.sqlite", now=clock.time)

        async def close():
            await file.aclose()
            shutil.rmtree(folder)

        return SqliteCounter(file, "service"), close


TestSqliteCounter = SqliteMachine.TestCase
TestSqliteCounter.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
