"""Details are written down while somebody looks, of so many requests a second, and forgotten afterwards."""

import asyncio

from aigw.server.page.recent_details import RecentDetails
from aigw.server.page.watch import A_SECOND, BURST, FORGET_SECONDS, LOOK_SECONDS, Watch


class Loop:
    """The timers of an event loop, by hand."""

    def __init__(self):
        self.timers = []

    def later(self, seconds, do):
        timer = asyncio.TimerHandle(seconds, do, (), asyncio.get_running_loop())
        self.timers.append((seconds, timer))
        return timer

    def ring(self):
        seconds, timer = self.timers.pop()
        assert not timer.cancelled()
        timer._run()
        return seconds


async def test_it_is_off_until_somebody_looks_and_some_time_afterwards():
    loop = Loop()
    watch = Watch(RecentDetails(), later=loop.later)
    assert not watch.on
    watch.look()
    assert watch.on
    assert loop.ring() == LOOK_SECONDS
    assert not watch.on
    assert loop.ring() == FORGET_SECONDS


async def test_it_is_on_while_there_is_a_reader():
    loop = Loop()
    watch = Watch(RecentDetails(), later=loop.later)
    with watch.reading():
        with watch.reading():
            watch.look()
        assert watch.on
        assert not loop.timers
    assert watch.on
    assert loop.ring() == LOOK_SECONDS
    assert not watch.on


async def test_a_reader_who_comes_back_keeps_what_was_kept():
    loop = Loop()
    watch = Watch(RecentDetails(), later=loop.later)
    with watch.reading():
        pass
    loop.ring()
    ((_, forgetting),) = loop.timers
    with watch.reading():
        assert watch.on
        assert forgetting.cancelled()


async def test_it_stays_on_if_it_is_told_so():
    loop = Loop()
    watch = Watch(RecentDetails(), always=True, later=loop.later)
    watch.look()
    with watch.reading():
        pass
    assert watch.on
    assert not loop.timers


def test_of_many_requests_it_admits_so_many_a_second():
    now = 100.0
    watch = Watch(RecentDetails(), always=True, monotonic=lambda: now)
    assert sum(watch.admits() for _ in range(1000)) == BURST
    now += 2.0
    assert sum(watch.admits() for _ in range(1000)) == A_SECOND * 2
    now += 600.0
    assert sum(watch.admits() for _ in range(1000)) == BURST
