"""A process is told from a later one of its number."""

import os
import subprocess
import sys

import pytest

from aigw.server.process_start import numbering, start_of


def test_a_process_began_once(child):
    assert start_of(os.getpid()) == start_of(os.getpid()) != ""
    assert start_of(os.getpid()) != start_of(child([sys.executable, "-c", "input()"], stdin=subprocess.PIPE).pid)


@pytest.mark.parametrize("pid", [-1, 0, 2**22 + 1, 2**40])
def test_there_is_no_such_process(pid):
    assert start_of(pid) == ""


def test_one_that_nobody_has_waited_for_has_ended(child):
    process = child([sys.executable, "-c", ""], stdout=subprocess.PIPE)
    process.stdout.read()
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    assert start_of(process.pid) == ""


def test_the_numbering_is_a_name():
    assert numbering().isalnum()
