"""A process is told from a later one of its number."""

import os
import subprocess
import sys

import pytest

from aigw.server.process_start import numbering, start_by_ps, start_of

POSIX_PS = """#!/bin/sh
# Behind the first = of an option, all is a heading, as on a Mac.
for option; do case $option in
stat=) values="$values S+  ";;
lstart=) values="$values Tue Dec  1 09:05:07 2026 $TZ";;
*=*) echo "${option#*=}"; values="$values S+";;
esac; done
echo "${values# }"
"""


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


def test_a_system_without_proc_is_asked_by_ps(tmp_path):
    script = tmp_path / "ps"
    script.write_text(POSIX_PS)
    script.chmod(0o700)
    assert start_by_ps(7, str(script)) == "Tue Dec  1 09:05:07 2026 UTC0"
    assert start_by_ps(os.getpid()) == start_by_ps(os.getpid()) != ""
    assert start_by_ps(2**22 + 1) == start_by_ps(7, str(tmp_path / "missing")) == ""


def test_the_numbering_is_a_name():
    assert numbering().isalnum()
