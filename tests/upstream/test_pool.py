"""Idle connections: the newest first, no more than there is room for, and none once the pool is closed."""

import pytest

from aigw.core.model import Origin
from aigw.upstream.pool import Pool

HERE, THERE = Origin("http", "here", 80), Origin("http", "there", 80)


class Idle:
    idle_since = 0.0

    def __init__(self, pool, origin=HERE):
        self.origin = origin
        self.pool = pool
        self.dropped = 0
        pool.open_connections += 1

    def drop(self):
        self.dropped += 1
        self.pool.forget(self)


@pytest.fixture
def pool():
    return Pool(max_idle=2)


def test_the_newest_is_taken_first_and_once(pool):
    first, second = Idle(pool), Idle(pool)
    assert pool.put(first) and pool.put(second)
    assert [pool.take(HERE) for _ in range(3)] == [second, first, None]


def test_origins_are_apart_and_each_has_its_room(pool):
    assert [pool.put(Idle(pool)) for _ in range(3)] == [True, True, False]
    there = Idle(pool, THERE)
    assert pool.put(there)
    assert pool.take(THERE) is there
    assert pool.take(THERE._replace(tls_name="there")) is None


def test_what_was_kept_before_a_laptop_slept_is_dropped():
    time = [1000.0]
    pool = Pool(idle_seconds=55, now=lambda: time[0])
    old = [Idle(pool), Idle(pool)]
    assert all(pool.put(each) for each in old)
    time[0] += 8 * 3600
    fresh = Idle(pool)
    pool.put(fresh)
    assert [pool.take(HERE), pool.take(HERE)] == [fresh, None]
    assert ([each.dropped for each in old], pool.open_connections) == ([1, 1], 1)


def test_a_connection_that_was_dropped_is_not_taken(pool):
    first, second = Idle(pool), Idle(pool)
    pool.put(first)
    pool.put(second)
    second.drop()
    assert (pool.take(HERE), pool.open_connections) == (first, 1)
    first.drop()
    assert pool.open_connections == 0


def test_closing_drops_what_is_idle_and_keeps_nothing_more(pool):
    idle, used, there = Idle(pool), Idle(pool), Idle(pool, THERE)
    pool.put(idle)
    pool.put(there)
    pool.close()
    assert (idle.dropped, there.dropped, used.dropped) == (1, 1, 0)
    assert not pool.put(used)
    assert pool.take(HERE) is None
    assert pool.open_connections == 1
