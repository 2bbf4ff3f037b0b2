"""How commands answer, in a pipe and on a real terminal of 80 columns."""

import json
import os
import pty
import subprocess
import sys

import pytest
import typer

from aigw.cli.terminal.said import UNLIMITED, fail

CODE = "from aigw.cli.terminal.said import say_json, width; say_json({'a': [1], 'b': 'ü'}); print(width())"


def run(**streams):
    env = {name: value for name, value in os.environ.items() if name != "COLUMNS"} | streams.pop("env", {})
    return subprocess.run([sys.executable, "-c", CODE], env=env, **streams, timeout=20)


def test_in_a_pipe():
    assert run(capture_output=True, text=True).stdout.splitlines() == ['{"a": [1], "b": "ü"}', str(UNLIMITED)]
    wide = run(capture_output=True, text=True, env={"COLUMNS": "70"}).stdout.splitlines()
    assert wide[1] == "70"


def test_on_a_terminal():
    ours, theirs = pty.openpty()
    try:
        import fcntl
        import struct
        import termios

        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
        run(stdout=theirs)
        *shown, width = os.read(ours, 4096).decode().splitlines()
    finally:
        os.close(ours)
        os.close(theirs)
    assert json.loads("".join(shown)) == {"a": [1], "b": "ü"}
    assert shown[1] == '  "a": ['
    assert width == "80"


@pytest.mark.parametrize("message", ["it failed", ["it failed", "badly"]])
def test_an_error_begins_with_the_command(message, capsys):
    with pytest.raises(typer.Exit) as ended:
        fail("cache ls", message, 2)
    assert ended.value.exit_code == 2
    assert all(line.startswith("aigw cache ls: ") for line in capsys.readouterr().err.splitlines())
