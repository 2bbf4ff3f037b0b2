"""What is large is worked on in a thread, one job after another, and nobody is left with half a job."""

import asyncio
import gc
import sys
import threading
from contextvars import ContextVar

import pytest

from aigw.core.aside import SWITCH_SECONDS, aside
from aigw.core.pace import LARGE, MANY, let_go, rest, resting

SECONDS = 5.0
asked = ContextVar("asked", default="")


async def test_a_small_job_runs_at_once_and_a_large_one_in_a_thread():
    here = threading.get_ident()
    assert await aside(LARGE, threading.get_ident) == here
    assert await aside(LARGE + 1, threading.get_ident) != here


async def test_threads_switch_sooner_only_while_a_large_job_runs():
    usual = sys.getswitchinterval()
    assert await aside(LARGE + 1, sys.getswitchinterval) == pytest.approx(SWITCH_SECONDS)
    assert sys.getswitchinterval() == usual


async def test_nothing_is_collected_while_a_large_job_runs():
    assert not await aside(LARGE + 1, gc.isenabled)
    assert gc.isenabled()


def test_what_nobody_needs_is_let_go():
    elements = [object() for _ in range(MANY * 2 + 1)]
    let_go(elements)
    assert elements == []


async def test_the_loop_goes_on_beside_a_large_job():
    begun, go_on = threading.Event(), threading.Event()

    def job() -> bool:
        begun.set()
        return go_on.wait(SECONDS)

    large = asyncio.create_task(aside(LARGE + 1, job))
    assert await asyncio.to_thread(begun.wait, SECONDS)
    assert await aside(1, str, "small") == "small"
    go_on.set()
    assert await large


@pytest.mark.parametrize("size", [1, LARGE + 1])
async def test_a_job_has_its_arguments_and_context_and_raises_to_the_caller(size):
    asked.set("this")
    assert await aside(size, lambda a, *, b: (a, b, asked.get()), 1, b=2) == (1, 2, "this")
    with pytest.raises(ZeroDivisionError):
        await aside(size, lambda: 1 / 0)


async def test_who_is_cancelled_waits_until_nobody_uses_its_request_and_what_has_not_begun_never_begins():
    begun, go_on = threading.Event(), threading.Event()
    done = []

    def job(name: str) -> None:
        begun.set()
        assert go_on.wait(SECONDS)
        done.append(name)

    running, waiting = (asyncio.create_task(aside(LARGE + 1, job, name)) for name in ("running", "waiting"))
    assert await asyncio.to_thread(begun.wait, SECONDS)
    running.cancel()
    waiting.cancel()
    await asyncio.wait((waiting,))
    assert not running.done()
    go_on.set()
    await asyncio.wait((running,))
    assert running.cancelled() and waiting.cancelled()
    assert done == ["running"]


async def test_a_rest_lets_others_in_and_only_a_job_rests():
    turns = []

    def job() -> None:
        for each in resting(range(MANY * 100)):
            turns.append(each)
            while len(turns) % MANY == 0 and not woken.is_set():  # as long as it takes: the loop must get its turn
                rest()

    woken = threading.Event()
    large = asyncio.create_task(aside(LARGE + 1, job))
    await asyncio.sleep(0)
    woken.set()
    await large
    assert turns == list(range(MANY * 100))
    assert list(resting(turns)) == turns


async def test_nobody_hears_of_the_failure_of_a_job_whose_caller_was_cancelled_even_twice():
    begun, go_on = threading.Event(), threading.Event()
    heard = []
    asyncio.get_running_loop().set_exception_handler(lambda loop, context: heard.append(context["message"]))

    def job() -> None:
        begun.set()
        assert go_on.wait(SECONDS)
        raise ZeroDivisionError

    running = asyncio.create_task(aside(LARGE + 1, job))
    assert await asyncio.to_thread(begun.wait, SECONDS)
    for _ in range(2):
        running.cancel()
        await asyncio.sleep(0)
        assert not running.done()  # the job still uses what is the caller's
    go_on.set()
    await asyncio.wait((running,))
    assert running.cancelled()
    del running
    gc.collect()
    assert heard == []
