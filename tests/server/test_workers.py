"""The supervisor's decisions and the port that workers share. The processes themselves are in tests/e2e."""

import gc
import signal

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
