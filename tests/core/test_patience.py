"""Waits of at most so many seconds: they end as those of asyncio.timeout do."""

import asyncio

import pytest

from aigw.core.patience import within

SOON, LONG = 0.01, 60.0


async def for_ever():
    await asyncio.Event().wait()


async def test_what_takes_too_long_ends_with_a_timeout():
    with pytest.raises(TimeoutError), within(SOON):
        await for_ever()
    assert asyncio.current_task().cancelling() == 0


async def test_what_is_in_time_is_left_alone():
    with within(SOON):
        pass
    with pytest.raises(TimeoutError), within(SOON):  # the timer of the first wait ends the second
        await for_ever()
    with within(SOON):
        await asyncio.sleep(0)
    with pytest.raises(KeyError), within(SOON):
        raise KeyError


async def test_each_ends_at_its_own_time():
    ended = []

    async def wait(name):
        try:
            with within(SOON):
                await for_ever()
        except TimeoutError:
            ended.append(name)

    first = asyncio.create_task(wait("first"))
    await asyncio.sleep(0)
    done = asyncio.create_task(wait("never"))
    await asyncio.sleep(0)
    done.cancel()
    await asyncio.gather(first, wait("last"))
    assert ended == ["first", "last"]
    assert done.cancelled()


async def test_who_is_cancelled_is_cancelled():
    async def wait():
        with within(LONG):
            await for_ever()

    task = asyncio.create_task(wait())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


@pytest.mark.parametrize(("outer", "inner"), [(LONG, SOON), (SOON, LONG)])
async def test_the_shorter_of_two_waits_ends_it(outer, inner):
    ended = []
    with pytest.raises(TimeoutError), within(outer):
        try:
            with within(inner):
                await for_ever()
        except BaseException as error:
            ended.append(type(error))
            raise
    assert ended == [TimeoutError if inner < outer else asyncio.CancelledError]


def test_each_loop_has_its_own_timer():
    async def wait():
        with pytest.raises(TimeoutError), within(SOON):
            await for_ever()

    for _ in range(2):
        asyncio.run(wait())


def test_only_a_task_can_be_given_a_time():
    async def nothing():
        loop, raised = asyncio.get_running_loop(), asyncio.Event()

        def outside():
            with pytest.raises(RuntimeError):
                within(SOON)
            raised.set()

        loop.call_soon(outside)
        await raised.wait()

    asyncio.run(nothing())
