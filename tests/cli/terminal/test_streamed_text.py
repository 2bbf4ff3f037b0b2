"""An answer as it is written: harmless on a terminal, itself in a pipe."""

import os
import pty
import subprocess
import sys
import threading
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
PROGRAM = "import sys\nfrom aigw.cli.terminal.streamed_text import Written\nw = Written()\n[w.add(each) for each in eval(sys.argv[1])]\nw.end()"
ANSWERS = [
    (["a\x1b[2J", "\r", "\nb\r", "c"], "a\ufffd[2J\nb\ufffdc\n"),
    (["\t⚠\ufe0f 👩\u200d💻\n"], "\t⚠\ufe0f 👩\u200d💻\n"),
    (["turned \u202e", "\udcff"], "turned \ufffd\ufffd\n"),
    ([""], ""),
    (["x\r"], "x\ufffd\n"),
]


def command(pieces):
    return [sys.executable, "-c", PROGRAM, ascii(pieces)]


def environment():
    return {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUTF8": "1"}


@pytest.mark.parametrize(("pieces", "seen"), ANSWERS)
def test_on_a_terminal(pieces, seen, child):
    outer, inner = pty.openpty()
    process = child(command(pieces), stdin=inner, stdout=inner, stderr=inner, env=environment())
    os.close(inner)
    found = bytearray()

    def read():
        try:
            while piece := os.read(outer, 4096):
                found.extend(piece)
        except OSError:
            return  # the other end is closed

    reader = threading.Thread(target=read)
    reader.start()
    assert process.wait(60) == 0
    reader.join(10)
    os.close(outer)
    assert found.decode().replace("\r\n", "\n") == seen


def test_in_a_pipe_it_is_what_was_answered():
    done = subprocess.run(command(["a\x1b", "[0m\r", "\n\tb"]), env=environment(), capture_output=True, check=True)
    assert done.stdout == b"a\x1b[0m\r\n\tb\n"


def test_nobody_reads():
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run(command(["a", "b"]), env=environment(), stdout=write, stderr=subprocess.PIPE, check=False)
    os.close(write)
    assert b"BrokenPipe" not in done.stderr
    assert done.returncode == 1
