"""Commands of aigw, each in a process that is forked from one which has imported aigw already: it has the folder, variables,
streams and exit code of a process that a user starts, for a fifth of the processor time. That commands import what they need
is tried by tests/cli/test_main.py."""

from __future__ import annotations

import gc
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryFile

from children import children, die_with_parent

ROOT = Path(__file__).parents[2]
TYPICAL = (
    ["config", "check", "--config", os.devnull],
    ["cache", "stats", "--config", os.devnull],
    ["trace", "--state", os.devnull],
)
"""They import what most commands need."""
PATIENCE = 60


class ForkedCommands:
    """Runs commands as `subprocess.run` does, also several at once."""

    def __init__(self, door: socket.socket) -> None:
        self._door = door

    def run(self, *words: str, cwd: Path, env: Mapping[str, str], given: str = "") -> subprocess.CompletedProcess[str]:
        """`aigw WORDS`, with `given` as its input. It sees no variables but `env`."""
        ours, theirs = socket.socketpair()
        with (
            ours,
            theirs,
            TemporaryFile() as asked,
            TemporaryFile() as stdin,
            TemporaryFile() as stdout,
            TemporaryFile() as stderr,
        ):
            for file, text in ((asked, json.dumps([words, str(cwd), dict(env)])), (stdin, given)):
                file.write(text.encode())
                file.seek(0)
            socket.send_fds(self._door, [b"."], [each.fileno() for each in (asked, stdin, stdout, stderr, theirs)])
            theirs.close()
            ours.settimeout(PATIENCE)
            code = int(ours.recv(8))
            printed = []
            for file in (stdout, stderr):
                file.seek(0)
                printed.append(file.read().decode())
        return subprocess.CompletedProcess(words, code, *printed)


@contextmanager
def forked_commands() -> Iterator[ForkedCommands]:
    """The process that is forked, and every command that still runs, end with the block."""
    with children() as start:
        ours, theirs = socket.socketpair()
        with ours, theirs:
            quiet = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "pass_fds": [theirs.fileno()]}
            env = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUTF8": "1"}
            start([sys.executable, __file__, str(theirs.fileno())], env=env, **quiet)
            theirs.close()
            yield ForkedCommands(ours)


def serve(door: socket.socket) -> None:
    """Forks a process for each command. It returns in that process, which has become the one of the command, or exits."""
    from typer.main import get_group
    from typer.testing import CliRunner

    from aigw.cli.main import app

    for words in TYPICAL:
        CliRunner().invoke(app, words)
    list(get_group(app).commands.values())  # loads all commands
    gc.freeze()  # whatever is looked at by the collector is copied
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # whose parent does not wait
    while (received := socket.recv_fds(door, 1, 5))[0]:
        if os.fork() == 0:
            become(*received[1])
            return
        for number in received[1]:
            os.close(number)
    sys.exit()


def become(asked: int, stdin: int, stdout: int, stderr: int, end: int) -> None:
    """Becomes the process of a command. Its parent tells how it ended."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    die_with_parent()
    if (child := os.fork()) != 0:
        status = os.waitpid(child, 0)[1]
        os.write(end, b"%d" % os.waitstatus_to_exitcode(status))
        os._exit(0)
    die_with_parent()
    with open(asked) as file:
        words, cwd, env = json.load(file)
    for number, stream in enumerate((stdin, stdout, stderr)):
        os.dup2(stream, number)
        os.close(stream)
    os.close(end)
    os.chdir(cwd)
    os.environ.clear()
    os.environ.update(env)
    time.tzset()
    sys.path[0] = cwd
    sys.argv = ["aigw", *words]


if __name__ == "__main__":
    with socket.socket(fileno=int(sys.argv[1])) as door:
        serve(door)
    from aigw.cli.main import main

    main()
