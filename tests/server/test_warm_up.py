"""Jobs are done when nobody asks, one after another, and hold up neither requests nor the end."""

import asyncio

import pytest

from aigw.core.stores import StoreError
from aigw.server.warm_up import WarmUp


class Gateway:
    """Whose requests are under way, and whose pauses a test ends."""

    def __init__(self):
        self.busy = False
        self.pauses = asyncio.Semaphore(0)
        self.done = []
        self.warm_up = WarmUp(lambda: self.busy, self.pause)

    async def pause(self, seconds):
        await self.pauses.acquire()

    async def pass_time(self):
        self.pauses.release()
        for _ in range(5):
            await asyncio.sleep(0)

    def job(self, name, error=None):
        async def work():
            self.done.append(name)
            if error is not None:
                raise error

        return work


async def test_a_job_waits_until_it_is_ready_and_quiet():
    gateway = Gateway()
    gateway.warm_up.add(gateway.job("a"))
    await gateway.pass_time()
    assert gateway.done == []
    gateway.busy = True
    gateway.warm_up.start()
    await gateway.pass_time()
    await gateway.pass_time()
    assert gateway.done == []
    gateway.busy = False
    await gateway.pass_time()
    assert gateway.done == ["a"]
    await gateway.warm_up.aclose()


@pytest.mark.parametrize("error", [StoreError("the disk is full"), ValueError("a bug")])
async def test_one_after_another_also_when_one_fails(error):
    gateway = Gateway()
    gateway.warm_up.start()
    gateway.warm_up.add(gateway.job("a", error))
    gateway.warm_up.add(gateway.job("b"))
    for _ in range(3):
        await gateway.pass_time()
    gateway.warm_up.add(gateway.job("of a new configuration"))
    for _ in range(2):
        await gateway.pass_time()
    assert gateway.done == ["a", "b", "of a new configuration"]
    await gateway.warm_up.aclose()


async def test_the_end_waits_for_no_job():
    gateway = Gateway()
    begun = asyncio.Event()

    async def endless():
        begun.set()
        await asyncio.Event().wait()

    gateway.warm_up.add(endless)
    gateway.warm_up.add(gateway.job("never"))
    gateway.warm_up.start()
    gateway.pauses.release()
    await begun.wait()
    await gateway.warm_up.aclose()
    assert gateway.done == []
