"""How commands answer, in a pipe and on a real terminal of 80 columns."""

import fcntl
import json
import os
import pty
import struct
import subprocess
import sys
import termios
from contextlib import contextmanager

import pytest
import typer
from hypothesis import given
from hypothesis import strategies as st

from aigw.cli.terminal.output import UNLIMITED, fail, folded

CODE = "from aigw.cli.terminal.output import say_json, width; say_json({'a': [1], 'b': 'ü'}); print(width())"


def run(**streams):
    env = {name: value for name, value in os.environ.items() if name != "COLUMNS"} | streams.pop("env", {})
    return subprocess.run([sys.executable, "-c", CODE], env=env, **streams, timeout=20)


def test_in_a_pipe():
    assert run(capture_output=True, text=True).stdout.splitlines() == ['{"a": [1], "b": "ü"}', str(UNLIMITED)]
    wide = run(capture_output=True, text=True, env={"COLUMNS": "70"}).stdout.splitlines()
    assert wide[1] == "70"


@contextmanager
def terminal():
    """A terminal of 80 columns: what to give to a program, and what returns what the program wrote."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    try:
        yield theirs, lambda: os.read(ours, 1 << 16).decode().splitlines()
    finally:
        os.close(ours)
        os.close(theirs)


def test_on_a_terminal():
    with terminal() as (stream, written):
        run(stdout=stream)
        *shown, width = written()
    assert json.loads("".join(shown)) == {"a": [1], "b": "ü"}
    assert shown[1] == '  "a": ['
    assert width == "80"


def test_a_long_error_is_one_line_in_a_pipe(capsys):
    with pytest.raises(typer.Exit):
        fail("serve", "word " * 5000)
    assert len(capsys.readouterr().err.splitlines()) == 1


@pytest.mark.parametrize("message", ["it failed", ["it failed", "badly"]])
def test_an_error_begins_with_the_command(message, capsys):
    with pytest.raises(typer.Exit) as ended:
        fail("cache ls", message, 2)
    assert ended.value.exit_code == 2
    assert all(line.startswith("aigw cache ls: ") for line in capsys.readouterr().err.splitlines())


REFUSED = [
    ["serve", "--recipe", "nothing"],
    ["serve", "--config", "there/is/no/such/configuration/of/this/gateway.yaml"],
    ["budget", "status"],
    ["cache", "stats", "--recipe", "nothing"],
    ["trace"],
    ["top", "--url", "http://127.0.0.1:9/with/a/long/path"],
    ["help", "nothing"],
    ["config", "check"],
]


@pytest.mark.parametrize("words", REFUSED, ids=" ".join)
def test_what_went_wrong_is_broken_between_words(words, tmp_path):
    env = {"PATH": os.environ["PATH"], "PYTHONPATH": os.pathsep.join(sys.path), "OLLAMA_HOST": "127.0.0.1:9"}
    command = [sys.executable, "-m", "aigw", *words]
    with terminal() as (stream, written):
        code = subprocess.run(command, stdout=stream, stderr=stream, env=env, cwd=tmp_path, timeout=60).returncode
        shown = written()
    piped = subprocess.run(command, capture_output=True, text=True, env=env, cwd=tmp_path, timeout=60)
    assert code == piped.returncode != 0
    assert all(len(line) <= 80 for line in shown)
    assert " ".join(" ".join(shown).split()) == " ".join((piped.stdout + piped.stderr).split())


@given(st.text(st.sampled_from("ab- \n/"), max_size=200), st.integers(20, 90))
def test_nothing_is_lost_and_no_word_is_broken(text, width):
    lines = folded(text, width).split("\n")
    assert "\n".join(lines).split() == text.split()
    assert all(len(line) <= width or " " not in line.strip() for line in lines)
