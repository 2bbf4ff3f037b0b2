"""What expired long ago is deleted, a thousand at a time."""

import sqlite3

from aigw.core.stores import Limit
from aigw.stores.counter.counter import SqliteCounter
from aigw.stores.counter.file import CounterFile


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
        assert database.execute("SELECT key FROM counters ORDER BY key").fetchall() == [
            (b"|ever",),
            (b"|held",),
            (b"|new",),
        ]
        assert database.execute("SELECT key, amount FROM holds").fetchall() == [(b"|held", 0)], "it was charged"
    database.close()
