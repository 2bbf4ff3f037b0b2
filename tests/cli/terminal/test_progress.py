"""The bar of an ingest: on a terminal only, and never more often than people can see."""

import os
import pty
import subprocess
import sys

SCRIPT = """
from aigw.cli.terminal.progress import Progress
from aigw.rag.ingest import Report
with Progress() as shows:
    shows.total = 100
    for done in range(0, 101, 50):
        shows._shown = 0.0
        shows(Report(done=done, passages=7))
print("end")
"""


def test_in_a_pipe_there_is_nothing():
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, timeout=60)
    assert (done.stdout, done.stderr) == ("end\n", "")


def test_on_a_terminal_it_shows_the_share_the_passages_and_the_rate():
    ours, theirs = pty.openpty()
    env = {**os.environ, "TERM": "xterm", "COLUMNS": "80"}
    done = subprocess.run([sys.executable, "-c", SCRIPT], stdout=subprocess.PIPE, stderr=theirs, env=env, timeout=60)
    os.close(theirs)
    shown = os.read(ours, 65536).decode()
    os.close(ours)
    assert done.stdout == b"end\n"
    assert "100 %" in shown
    assert "7 passages" in shown
