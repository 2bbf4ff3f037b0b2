"""The supervisor's decisions and the port that workers share. The processes themselves are in tests/e2e."""

import asyncio
import contextlib
import gc
import logging
import os
import signal
import sys
from logging.handlers import QueueHandler

import pytest

from aigw.config.report import EXIT_CODE
from aigw.server.workers import CRASH_SECONDS, CRASHES, Orders, RestartPolicy, Supervisor


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


def test_a_first_end_is_made_good_at_once_and_a_row_of_them_ever_later():
    policy = RestartPolicy(Clock())
    pauses = [policy.pause() for _ in range(CRASHES)]
    assert pauses == pytest.approx([0.0, 0.1, 0.3, 0.7, 1.5])
    assert policy.pause() is None


def test_ends_long_ago_do_not_count():
    clock = Clock()
    policy = RestartPolicy(clock)
    for _ in range(50):
        clock.now += CRASH_SECONDS / CRASHES + 0.1
        assert policy.pause() is not None


async def test_a_command_that_cannot_be_started_ends_the_whole_and_leaves_no_socket(caplog):
    supervisor = Supervisor(["./no-such-program"], 1, Orders("127.0.0.1", 0), grace=0.0)
    assert await supervisor.run(lambda pids: None) == 1
    assert "a worker cannot be started" in caplog.text
    gc.collect()  # a socket that was left open is a warning now


@pytest.fixture
def said():
    """What the supervisor says, as it comes."""
    messages = asyncio.Queue()
    handler = QueueHandler(messages)
    logging.getLogger("aigw").addHandler(handler)
    yield messages
    logging.getLogger("aigw").removeHandler(handler)


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
    assert (await running, supervisor.crashed) == (0, 1)


async def test_a_stop_is_clean_while_a_worker_starts_that_will_refuse_its_configuration(caplog):
    supervisor = Supervisor(worker(code=EXIT_CODE, then=STARTING), 1, Orders("127.0.0.1", 0), grace=5.0)
    asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, supervisor.stop)
    assert await supervisor.run(lambda pids: None) == 0
    assert "a worker ended with exit code 2" in caplog.text


async def test_a_worker_that_cannot_close_is_a_failure(caplog):
    supervisor = Supervisor(worker(code=3), 1, Orders("127.0.0.1", 0), grace=5.0)
    assert await supervisor.run(lambda pids: supervisor.stop()) == 1
    assert "a worker ended with exit code 3" in caplog.text


async def test_a_stop_that_came_before_the_workers_were_started_starts_none():
    """Until the signals are its own, Ctrl-C cancels the task, which notices it when it first waits."""
    supervisor = Supervisor(worker(), 1, Orders("127.0.0.1", 0), grace=5.0)

    async def cancelled():
        asyncio.current_task().cancel()
        await supervisor.run(lambda pids: pytest.fail("a worker serves"))

    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(asyncio.create_task(cancelled()), 5)


async def test_a_worker_that_refuses_the_first_configuration_ends_the_whole():
    refuses = [sys.executable, "-S", "-c", f"raise SystemExit({EXIT_CODE})"]
    supervisor = Supervisor(refuses, 1, Orders("127.0.0.1", 0), grace=5.0)
    assert await supervisor.run(lambda pids: None) == EXIT_CODE


async def test_a_worker_that_refuses_a_changed_file_is_started_again_once_it_has_changed(tmp_path, said):
    """Also when no other serves, and the worker is not tried in between."""
    file = tmp_path / "aigw.yaml"
    file.write_text("right")
    reads = f"open({os.fspath(file)!r}).read() == 'right' or sys.exit({EXIT_CODE}); {READY}; {STARTING}"
    supervisor = Supervisor(worker(then=reads), 1, Orders("127.0.0.1", 0, file=os.fspath(file)), grace=5.0)
    started = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, started.set)

    def ready(pids):
        started.clear()
        file.write_text("wrong")
        os.kill(pids[0], signal.SIGKILL)

    running = asyncio.create_task(supervisor.run(ready))
    assert "SIGKILL" in (await said.get()).message
    assert (
        await said.get()
    ).message == f"no worker can be started with {file} as it is now; 0 of 1 serve until it has changed"
    file.write_text("right")
    await started.wait()
    supervisor.stop()
    assert (await running, said.qsize()) == (0, 0)
