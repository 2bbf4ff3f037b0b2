"""Waiting for jobs that go on behind an answer."""

import asyncio

from aigw.core.pending import Pending


async def test_all_jobs_of_a_key_are_waited_for():
    pending = Pending(20.0)
    ends = [pending.begin("ann"), pending.begin("ann")]
    pending.begin("bob")
    waiting = asyncio.ensure_future(pending.wait("ann"))
    for end in ends:
        await asyncio.sleep(0)
        assert not waiting.done()
        end()
    await waiting
    await pending.wait("ann")
    assert pending._jobs.keys() == {"bob"}, "nothing is left of those that are over"


async def test_nobody_waits_for_ever():
    pending = Pending(0.0)
    pending.begin("ann")
    await pending.wait("ann")
    await pending.wait("nobody")
