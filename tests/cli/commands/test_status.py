"""`aigw status` and `aigw stop`, with gateways as a user starts them, and a register of their own."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from serving import chat, serving

from aigw.server.process_start import start_of
from aigw.server.register import Entry, entered

ROOT = Path(__file__).parents[3]


@pytest.fixture
def serve(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    with serving(tmp_path / "a") as in_a, serving(tmp_path / "b") as in_b:
        yield lambda folder, *words: {"a": in_a, "b": in_b}[folder](*words, XDG_RUNTIME_DIR=str(tmp_path))


@pytest.fixture
def aigw(commands, tmp_path):
    def aigw(*words, folder="a"):
        (tmp_path / folder).mkdir(exist_ok=True)
        env = {"PATH": os.environ["PATH"], "XDG_RUNTIME_DIR": str(tmp_path), "TMPDIR": str(tmp_path), "HOME": "/x"}
        done = commands.run(*words, cwd=tmp_path / folder, env=env)
        assert "Traceback" not in done.stderr
        return done.returncode, done.stdout, done.stderr

    return aigw


def test_nothing_runs(aigw):
    assert aigw("status") == (3, "No gateway runs here: `aigw serve` starts one.\n", "")
    assert aigw("status", "--json") == (3, "[]\n", "")
    assert aigw("stop") == (0, "No gateway runs here, so there is nothing to stop.\n", "")
    assert aigw("stop", "--all", "--json") == (0, "[]\n", "")
    code, out, err = aigw("stop", "4700")
    assert (code, out) == (1, "")
    assert err == "aigw stop: no gateway of yours runs at 4700; there are: none\n"
    assert aigw("stop", "4700", "--all")[0] == 2


def test_two_run(serve, aigw, tmp_path):
    first, url = serve("a")
    second, other = serve("b", "--workers", "2")
    chat(url)
    chat(url)
    until = time.monotonic() + 10.0
    while True:
        code, out, _ = aigw("status", "--json")
        one, two = json.loads(out)
        assert code == 0
        if one["requests"] == 2 or time.monotonic() > until:  # a row is written a moment after its answer
            break
    assert [one["url"], two["url"]] == [url, other]
    assert [one["pid"], two["pid"]] == [first.pid, second.pid]
    assert [one["workers"], two["workers"], one["answers"], two["answers"]] == [1, 2, True, True]
    assert [one["requests"], two["requests"], one["folder"]] == [2, 0, str(tmp_path / "a")]
    lines = aigw("status")[1].splitlines()
    assert [lines[0], lines[3]] == [url, other]
    assert lines[1] == f"  no file: from the environment in {tmp_path / 'a'}"
    assert f"pid {first.pid}" in lines[2]
    assert lines[2].endswith(", 2 requests")
    assert "2 workers" in lines[5]

    code, out, err = aigw("stop", folder="c")
    assert (code, out) == (2, "")
    assert err.startswith("aigw stop: several gateways run here; say which, or --all: http")
    first.send_signal(signal.SIGSTOP)  # it hangs
    assert aigw("status")[1].splitlines()[0] == f"{url}  does not answer"
    code, out, err = aigw("stop", "--wait", "0")  # in its own folder it is meant
    assert (code, out) == (1, "")
    assert err == f"aigw stop: {url} (pid {first.pid}) has not ended after 0 s\n"
    first.kill()
    os.waitid(os.P_PID, first.pid, os.WEXITED | os.WNOWAIT)  # nobody has waited for it yet
    assert url not in aigw("status")[1]
    assert aigw("stop", url)[0] == 1
    port = other.rpartition(":")[2]
    code, out, _ = aigw("stop", f"localhost:{port}/v1", "--json")
    assert (code, json.loads(out)) == (0, [{"url": other, "pid": second.pid, "stopped": True}])
    assert second.wait(30) == 0
    assert aigw("status")[0] == 3


def test_a_process_of_another_start_is_never_ended(aigw, tmp_path, child):
    """Its number is that of an entry, and it is not the gateway."""
    other = child(["sleep", "60"], stdin=subprocess.DEVNULL)
    given = {"since": 1.0, "url": "http://127.0.0.1:1", "version": "1", "config": "", "folder": ""}
    entry = Entry(pid=other.pid, start=start_of(other.pid) + "1", **given)
    with entered(entry, {"XDG_RUNTIME_DIR": str(tmp_path)}):
        assert aigw("stop", "--all")[0] == 0
    assert other.poll() is None


def test_the_one_of_this_folder_is_meant_though_its_state_is_elsewhere(aigw, tmp_path, child):
    """As that of a recipe is."""
    aigw("status")
    register = {"XDG_RUNTIME_DIR": str(tmp_path)}
    here, other = (child(["sleep", "60"], stdin=subprocess.DEVNULL) for _ in range(2))
    given = {"since": 1.0, "url": "http://127.0.0.1:1", "version": "1", "config": ""}
    a, b = (
        Entry(pid=each.pid, start=start_of(each.pid), folder=str(tmp_path / name), **given)
        for each, name in ((here, "a"), (other, "b"))
    )
    with entered(a, register), entered(b, register):
        code, out, err = aigw("stop")
    assert (code, err) == (0, "")
    assert f"pid {here.pid}" in out
    assert other.poll() is None


def test_it_shows_the_command_of_aigw_run(aigw, tmp_path):
    """Whose own gateway stands there as long as its command runs."""
    status = f"import sys; sys.path.insert(0, {str(ROOT)!r}); from aigw.cli.main import app; app(['status', '--json'])"
    code, out, err = aigw("run", "--", sys.executable, "-c", status)
    assert code == 0, err
    (found,) = json.loads(out)
    assert (found["command"], found["answers"]) == ("run", True)
    assert aigw("status")[0] == 3
