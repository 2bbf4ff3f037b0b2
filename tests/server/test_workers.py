"""The supervisor's decisions and the port that workers share. The processes themselves are in tests/e2e."""

import asyncio
import contextlib
import gc
import os
import signal
import sys

import pytest

from aigw.config.report import EXIT_CODE
from aigw.server.workers import CRASH_SECONDS, CRASHES, RETRY_SECONDS, Orders, RestartPolicy, Supervisor


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


def test_a_first_end_is_made_good_at_once_and_a_row_of_them_ever_later():
    policy = RestartPolicy(Clock())
    pauses = [policy.pause(-signal.SIGKILL, others_serve=True) for _ in range(CRASHES)]
    assert pauses == pytest.approx([0.0, 0.1, 0.3, 0.7, 1.5])
    assert policy.pause(-signal.SIGKILL, others_serve=True) is None


def test_ends_long_ago_do_not_count():
    clock = Clock()
    policy = RestartPolicy(clock)
    for _ in range(50):
        clock.now += CRASH_SECONDS / CRASHES + 0.1
        assert policy.pause(1, others_serve=False) is not None


def test_a_worker_that_refuses_the_configuration_waits_for_a_better_one_while_others_serve():
    policy = RestartPolicy(Clock())
    assert {policy.pause(EXIT_CODE, others_serve=True) for _ in range(50)} == {RETRY_SECONDS}
    assert policy.pause(EXIT_CODE, others_serve=False) is None


async def test_a_command_that_cannot_be_started_ends_the_whole_and_leaves_no_socket(caplog):
    supervisor = Supervisor(["./no-such-program"], 1, Orders("127.0.0.1", 0), grace=0.0)
    assert await supervisor.run(lambda pids: None) == 1
    assert "a worker cannot be started" in caplog.text
    gc.collect()  # a socket that was left open is a warning now


SERVES = """
import os, signal, sys
signal.signal(signal.SIGTERM, lambda *_: sys.exit({code}))
os.read(0, 1024)
{then}
signal.pause()
"""
READY = r'os.write(0, b"ready\n")'
STARTING = "os.kill(os.getppid(), signal.SIGUSR1)"


def worker(*, code=0, then=READY):
    """The command of a worker that serves nothing, and ends with this code when it is told to stop."""
    return [sys.executable, "-S", "-c", SERVES.format(code=code, then=then)]


def at_once(pid):
    pass


def when_dead(pid):
    with contextlib.suppress(ChildProcessError):  # the thread in which asyncio waits was quicker
        os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)


@pytest.mark.skipif(not hasattr(os, "waitid"), reason="cannot wait for a process without taking its exit code")
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGABRT])
@pytest.mark.parametrize("moment", [at_once, when_dead])
async def test_a_stop_is_clean_before_the_end_of_a_killed_worker_was_noticed(moment, number):
    supervisor = Supervisor(worker(), 1, Orders("127.0.0.1", 0), grace=5.0)

    def ready(pids):
        os.kill(pids[0], number)
        moment(pids[0])
        supervisor.stop()

    assert await supervisor.run(ready) == 0


async def test_a_stop_is_clean_while_a_killed_worker_is_replaced():
    supervisor = Supervisor(worker(then=f"{READY}; {STARTING}"), 1, Orders("127.0.0.1", 0), grace=5.0)
    started, ready = asyncio.Event(), asyncio.get_running_loop().create_future()
    asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, started.set)
    running = asyncio.create_task(supervisor.run(ready.set_result))
    (pid,) = await ready
    await started.wait()
    started.clear()
    os.kill(pid, signal.SIGKILL)
    await started.wait()
    supervisor.stop()
    assert await running == 0


async def test_a_stop_is_clean_while_a_worker_starts_that_will_refuse_its_configuration(caplog):
    supervisor = Supervisor(worker(code=EXIT_CODE, then=STARTING), 1, Orders("127.0.0.1", 0), grace=5.0)
    asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, supervisor.stop)
    assert await supervisor.run(lambda pids: None) == 0
    assert "a worker ended with exit code 2" in caplog.text


async def test_a_worker_that_cannot_close_is_a_failure(caplog):
    supervisor = Supervisor(worker(code=3), 1, Orders("127.0.0.1", 0), grace=5.0)
    assert await supervisor.run(lambda pids: supervisor.stop()) == 1
    assert "a worker ended with exit code 3" in caplog.text
