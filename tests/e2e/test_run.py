"""`aigw run`: a command whose calls go through a gateway of its own, as a user runs it."""

import asyncio
import json
import os
import pty
import select
import shutil
import signal
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from functools import partial
from pathlib import Path

import pytest
from children import children
from stage.answers import streams
from stage.command import environment_of_tests

from aigw.cli.sources.run_calls import ProgramCall, ProgramCalls
from aigw.cli.views.run import said
from aigw.traffic.replay.report import Report

SDK = """
import sys
from openai import OpenAI

for text in sys.argv[1:]:
    answer = OpenAI().chat.completions.create(model="echo", messages=[{"role": "user", "content": text}])
    print(answer.choices[0].message.content)
"""
PLAIN = """
import json, os, sys, urllib.request

for text in sys.argv[1:]:
    body = {"model": os.environ.get("MODEL", "echo"), "messages": [{"role": "user", "content": text}]}
    url, head = os.environ["OPENAI_BASE_URL"] + "/chat/completions", {"content-type": "application/json"}
    try:
        answer = json.load(urllib.request.urlopen(urllib.request.Request(url, json.dumps(body).encode(), head)))
        print(answer["choices"][0]["message"]["content"])
    except urllib.error.HTTPError as error:
        print("swallowed", json.load(error)["error"]["message"].partition(chr(10))[0])
"""
NAMED = """
import os, sys
print(" ".join(os.environ.get(name, "") for name in sys.argv[1:]))
"""


APP = ("--", sys.executable, "app.py")
ENV = ("--", sys.executable, "env.py")


def prepared(folder, environment):
    """The environment of a command in this folder, which gets the programs."""
    for name, text in {"sdk.py": SDK, "app.py": PLAIN, "env.py": NAMED}.items():
        (folder / name).write_text(text)
    return {**environment_of_tests(), "COLUMNS": "80", **environment}


def started(child, folder, *words, stdin=subprocess.DEVNULL, **environment):
    env = prepared(folder, environment)
    pipes = {"stdin": stdin, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return child([sys.executable, "-m", "aigw", "run", *words], cwd=folder, env=env, start_new_session=True, **pipes)


@pytest.fixture
def start(tmp_path, child):
    """Starts `aigw run` in an empty folder."""
    return partial(started, child, tmp_path)


@pytest.fixture
def aigw_run(tmp_path, commands):
    """Runs it in an empty folder, and returns its exit status, stdout and stderr."""

    def ran(*words, **environment):
        done = commands.run("run", *words, cwd=tmp_path, env=prepared(tmp_path, environment))
        assert "Traceback" not in done.stderr
        return done.returncode, done.stdout, done.stderr

    return ran


@pytest.fixture(scope="module")
def recorded(tmp_path_factory):
    """A folder with recordings of two calls."""
    folder = tmp_path_factory.mktemp("recorded")
    with children() as child:
        process = started(child, folder, "--record", "recs", *APP, "CASE-1", "two")
        assert process.communicate(timeout=60)[0] == "CASE-1\ntwo\n"
    return folder / "recs"


@pytest.fixture
def recs(recorded, tmp_path):
    shutil.copytree(recorded, tmp_path / "recs")
    return "recs"


def test_an_app_is_recorded_and_replayed_without_a_key(aigw_run, tmp_path):
    sdk = ("--", sys.executable, "sdk.py", "one", "two")
    code, out, errors = aigw_run("--record", "recs/new", *sdk)
    assert (code, out) == (0, "one\ntwo\n")
    assert errors == "aigw run: 2 calls (2 written): 16 tokens in, 2 out, $0\n"
    assert sorted(path.name for path in (tmp_path / "recs/new").glob("*.json")) == [
        "001-01-chat.json",
        "002-01-chat.json",
    ]
    again = aigw_run("--record", "recs/new", *sdk[:-1])[2].splitlines()
    remedy = "in this folder stay and are played first; --refresh records in their place"
    assert again[1:] == [f"aigw run: 2 recordings of before {remedy}"]
    (tmp_path / "recs/new/003-01-chat.json").unlink()
    code, out, errors = aigw_run("--replay", "recs/new", *sdk, OPENAI_API_KEY="")
    assert (code, out) == (0, "one\ntwo\n")
    assert errors == "aigw run: 2 calls (2 replayed): 16 tokens in, 2 out, $0, $0 saved\n"


MESSAGES = """
from anthropic import Anthropic

with Anthropic() as client:
    with client.messages.stream(model="claude-x", max_tokens=9, messages=[{"role": "user", "content": "Hi"}]) as stream:
        print("".join(stream.text_stream))
"""


async def test_anthropics_sdk_and_a_provider_that_speaks_messages(aigw_run, provider):
    wire = json.loads((Path(__file__).parents[1] / "dialects/wire/answer-anthropic-text.json").read_text())
    upstream = await provider(streams(*(event.encode() for event in wire["chunks"])))
    command = ("--", sys.executable, "-c", MESSAGES)
    keys = {"ANTHROPIC_API_KEY": "sk-ant-1", "ANTHROPIC_BASE_URL": upstream.url}
    code, out, errors = await asyncio.to_thread(aigw_run, "--record", "recs", *command, **keys)
    assert (code, out) == (0, "RECORDED\n"), errors
    assert [request.headers["x-api-key"] for request in upstream.requests] == ["sk-ant-1"]
    await upstream.stop()
    code, out, errors = await asyncio.to_thread(aigw_run, "--replay", "recs", *command)
    assert (code, out) == (0, "RECORDED\n"), errors


def test_a_swallowed_miss_is_told_and_fails(aigw_run, recs, tmp_path):
    reports = ("--junit", "out/junit.xml", "--json", "out/summary.json")
    code, out, errors = aigw_run("--replay", recs, *reports, *APP, "CASE-2", "CASE-1", GITHUB_ACTIONS="true")
    assert (code, out.splitlines()[1]) == (1, "CASE-1")
    assert "aigw run: 2 calls (1 replayed, 1 missed, 1 unused)" in errors
    assert errors.count('messages[0].content: "CASE-1" -> "CASE-2"') == 2  # once for people, once for GitHub
    (annotation,) = [line for line in errors.splitlines() if line.startswith("::")]
    assert annotation.startswith("::error title=aigw run::POST /v1/chat/completions for echo: no recording in recs%0A")
    suite = ElementTree.parse(tmp_path / "out/junit.xml").getroot().find("testsuite")
    assert (suite.get("tests"), suite.get("failures")) == ("2", "1")
    assert [case.find("failure") is not None for case in suite] == [True, False]
    summary = json.loads((tmp_path / "out/summary.json").read_text())
    assert (summary["calls"], summary["replayed"], summary["command_exit"], summary["exit"]) == (2, 1, 0, 1)
    assert [each["request"] for each in summary["missed"]] == ["POST /v1/chat/completions for echo"]


def test_the_status_of_a_command_that_failed_stays(aigw_run):
    code, _, errors = aigw_run("--", "sh", "-c", "exit 7")
    assert (code, errors) == (7, "aigw run: 0 calls: 0 tokens in, 0 out, $0\n")
    assert aigw_run("--", "sh", "-c", "kill -9 $$")[0] == 128 + 9


def test_calls_that_failed_are_counted_and_the_last_is_told(aigw_run, tmp_path):
    code, _, errors = aigw_run("--json", "summary.json", *APP, "a", "b", MODEL="gpt-9")
    assert (code, errors) == (
        0,
        "aigw run: 2 calls (2 failed): 0 tokens in, 0 out, $0\n"
        "aigw run: the last call that failed: POST /v1/chat/completions for gpt-9: 404 model_not_found\n",
    )
    assert json.loads((tmp_path / "summary.json").read_text())["failed"] == 2


def test_an_answer_that_broke_off_has_no_status_to_tell():
    calls = ProgramCalls()
    calls.each.append(ProgramCall("1", "POST /v1/messages", "claude-x", 200, 1.0, "", "upstream_reset", failed=True))
    told = said(calls, Report(), [])[1]
    assert told == "aigw run: the last call that failed: POST /v1/messages for claude-x: broke off: upstream_reset"


def test_a_client_that_is_not_installed(aigw_run, tmp_path):
    code, _, errors = aigw_run("--", "claude", PATH=str(tmp_path))
    assert (code, errors.splitlines()[-1]) == (
        127,
        "aigw run: there is no command 'claude': npm install -g @anthropic-ai/claude-code",
    )
    assert aigw_run("--", "claud", PATH=str(tmp_path))[2].endswith("aigw run: there is no command 'claud'\n")


def test_strict_wants_all_recordings_used(aigw_run, recs):
    assert aigw_run("--replay", recs, *APP, "two")[0] == 0
    code, _, errors = aigw_run("--replay", recs, "--strict", "--junit", "j.xml", *APP, "CASE-1")
    assert code == 1
    assert "aigw run: 1 recording not used: 002-01-chat.json" in errors


def test_sequence_goes_on_until_too_much_differs(aigw_run, recs):
    code, out, errors = aigw_run("--replay", recs, "--match", "sequence", *APP, "won")
    assert (code, out) == (0, "CASE-1\n")
    assert "(1 replayed, 1 diverged, 1 unused)" in errors
    code, out, _ = aigw_run("--replay", recs, "--match", "sequence", "--max-divergence", "0", *APP, "won")
    assert (code, out.split()[0]) == (1, "swallowed")


def test_answers_fail_and_are_cut_as_told(aigw_run, recs):
    assert "would answer 429 here" in aigw_run("--replay", recs, "--faults", "429:1", *APP, "two")[1]
    assert aigw_run("--replay", recs, "--framing", "bytes", *APP, "two")[:2] == (0, "two\n")


def test_auto_records_what_is_missing(aigw_run, recs):
    assert "(1 replayed, 1 written, 1 unused)" in aigw_run("--auto", recs, *APP, "two", "three")[2]


def test_what_was_cached_before_does_not_answer_instead(aigw_run, tmp_path):
    """Otherwise it would be missing in the recordings."""
    config = {
        "plugins": {
            "ai-cache": {"cache": {"type": "redis", "serviceName": "redis.static"}},
            "ai-proxy": {"provider": {"type": "builtin"}},
        }
    }
    (tmp_path / "aigw.yaml").write_text(json.dumps(config))
    assert aigw_run(*APP, "one", "one")[0] == 0
    assert "2 calls (1 written, 1 from the cache)" in aigw_run("--record", "new", *APP, "one", "one")[2]
    assert "2 calls (1 replayed, 1 from the cache)" in aigw_run("--replay", "new", *APP, "one", "one")[2]


def test_what_goes_beyond_the_budget_is_refused(aigw_run, tmp_path):
    prices = {"mock": {"input": 2.5, "output": 1000}}
    config = {"plugins": {"ai-proxy": {"provider": {"type": "builtin"}}}, "prices": prices}
    (tmp_path / "aigw.yaml").write_text(json.dumps(config))
    reports = ("--junit", "junit.xml", "--json", "summary.json")
    code, out, errors = aigw_run("--max-usd", "0.05", *reports, *APP, "a", "b", "c", MODEL="mock")
    last = out.splitlines()[2]
    assert "the budget 'max-usd' is used up" in last
    assert last.endswith("; to raise it: a larger --max-usd")
    assert (code, "3 calls: " in errors) == (1, True)
    assert errors.splitlines()[1] == "aigw run: 1 call was refused by a budget"
    summary = json.loads((tmp_path / "summary.json").read_text())
    assert (summary["command_exit"], summary["exit"], summary["over_budget"]) == (0, 1, 1)
    suite = ElementTree.parse(tmp_path / "junit.xml").getroot().find("testsuite")
    assert [case.find("failure") is not None for case in suite] == [False, False, True]
    assert aigw_run("--max-usd", "nan", *APP)[0] == 2


def test_the_command_finds_the_gateway_and_the_gateway_the_provider(aigw_run):
    """The gateway keeps the environment that it was started with, and the command gets another one."""
    names = ["OPENAI_BASE_URL", "ANTHROPIC_BASE_URL", "AIGW_URL", "OPENAI_API_KEY"]
    _, out, _ = aigw_run(*ENV, *names, OPENAI_BASE_URL="http://127.0.0.1:9/v1", OPENAI_API_KEY="sk-1")
    base, anthropic, url, key = out.split()
    assert (base, anthropic, key) == (f"{url}/v1", url, "sk-1")
    assert ":9" not in url
    code, out, _ = aigw_run(*APP, "x", MODEL="gpt-4o", OPENAI_BASE_URL="http://127.0.0.1:9/v1", OPENAI_API_KEY="sk-1")
    assert (code, out.split()[0]) == (0, "swallowed")


CODEX = """#!/bin/sh
echo "$AIGW_KEY $@"
"""


def test_a_client_that_is_known_gets_what_it_needs(aigw_run, tmp_path):
    (tmp_path / "codex").write_text(CODEX)
    (tmp_path / "codex").chmod(0o755)
    keyed = {"keys": ["Authorization"], "consumers": [{"name": "ann", "credential": "${ANN_KEY}"}]}
    config = {"plugins": {"key-auth": keyed, "ai-proxy": {"provider": {"type": "builtin"}}}}
    (tmp_path / "aigw.yaml").write_text(json.dumps(config))
    code, out, errors = aigw_run("--", "./codex", "exec", "--oss", "Hi", ANN_KEY="sk-ann")
    words = out.split()
    assert (code, words[0], words[1:3], words[-2:]) == (0, "sk-ann", ["-c", "model_provider=aigw"], ["exec", "Hi"])
    assert 'base_url="http://127.0.0.1:' in out
    assert errors.startswith("aigw run: note: --oss is left out: the calls of Codex would not come here\n")


def test_in_replay_a_real_key_is_not_there(aigw_run, recs):
    names = ["OPENAI_API_KEY", "DEEPSEEK_API_KEY"]
    keys = {"OPENAI_API_KEY": "sk-1", "DEEPSEEK_API_KEY": "sk-2"}
    assert aigw_run("--replay", recs, *ENV, *names, **keys)[1] == "unused unused\n"


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["nosuch"], 127, "aigw run: there is no command 'nosuch'\n"),
        (["./app.py"], 126, "aigw run: './app.py' cannot be run: Permission denied\n"),
        (["--replay", "nowhere", "true"], 1, "aigw run: there is no folder nowhere; "),
        (["--replay", "a", "--record", "b", "true"], 2, "aigw run: choose one of --record and --replay\n"),
        (["--config", "a.yaml", "--recipe", "budget", "true"], 2, "aigw run: choose one of --config and --recipe\n"),
        (["--config", "a.yaml", "true"], 2, "aigw run: a.yaml: there is no such file; "),
        (["--recipe", "nosuch", "true"], 2, "aigw run: there is no recipe 'nosuch'"),
        (["--junit", "app.py/x", "true"], 1, "aigw run: 0 calls"),
    ],
)
def test_what_is_wrong_is_said(aigw_run, words, code, said):
    got, _, errors = aigw_run(*words)
    assert (got, errors.startswith(said)) == (code, True), errors


def test_no_command_is_an_error(aigw_run):
    assert aigw_run("--record", "recs")[0] == 2


def test_it_is_the_command_that_reads_stdin_and_has_its_options(start, tmp_path):
    (tmp_path / "in").write_text("typed\n")
    with (tmp_path / "in").open() as stdin:
        process = start("cat", "-n", stdin=stdin)
        assert process.communicate(timeout=60)[0].split() == ["1", "typed"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_reaches_the_command_which_ends_in_its_own_way(start, number):
    script = f"import signal, sys; signal.signal({int(number)}, lambda *_: sys.exit(5)); print('ready', flush=True); signal.pause()"
    process = start("--", sys.executable, "-c", script)
    assert process.stdout.readline() == "ready\n"
    process.send_signal(number)
    _, errors = process.communicate(timeout=60)
    assert (process.returncode, errors.splitlines()[-1]) == (5, "aigw run: 0 calls: 0 tokens in, 0 out, $0")


PATIENT = """
import signal, time
count = []
signal.signal(signal.SIGINT, lambda *_: count.append(1))
print("ready", flush=True)
while not count:
    time.sleep(0.01)
time.sleep(0.3)
print("got", len(count), flush=True)
"""


def test_a_key_on_the_terminal_reaches_the_command_once(tmp_path):
    """The terminal tells both; the gateway waits for the command, which has its own way to end."""
    command = [sys.executable, "-m", "aigw", "run", "--", sys.executable, "-c", PATIENT]
    pid, terminal = pty.fork()
    if not pid:
        os.chdir(tmp_path)
        os.execve(command[0], command, environment_of_tests())
    read_until(terminal, b"ready")
    os.write(terminal, b"\x03")
    assert b"got 1\r\n" in read_until(terminal, b"aigw run: 0 calls")
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    os.close(terminal)


SCREEN = """
import json, os, sys, termios, tty, urllib.error, urllib.request

def call():
    body = {"model": "gpt-4o", "messages": [{"role": "user", "content": "Hi"}]}
    url, head = os.environ["OPENAI_BASE_URL"] + "/chat/completions", {"content-type": "application/json"}
    try:
        urllib.request.urlopen(urllib.request.Request(url, json.dumps(body).encode(), head))
    except urllib.error.HTTPError:
        pass

before = termios.tcgetattr(0)
tty.setraw(0)
call()
print("drawn\\r")
termios.tcsetattr(0, termios.TCSAFLUSH, before)
"""


def test_a_command_that_draws_on_the_terminal_keeps_its_screen(tmp_path):
    """What the log says meanwhile would stand in the middle of it; it is told afterwards."""
    command = [sys.executable, "-m", "aigw", "run", "--", sys.executable, "-c", SCREEN]
    unreachable = {"OPENAI_BASE_URL": "http://127.0.0.1:9/v1", "OPENAI_API_KEY": "sk-1"}
    pid, terminal = pty.fork()
    if not pid:
        os.chdir(tmp_path)
        os.execve(command[0], command, {**environment_of_tests(), **unreachable})
    before, drawn, after = read_until(terminal, b"aigw run: 1 call").partition(b"drawn")
    assert (drawn, b"WARNING" in before) == (b"drawn", False)
    assert after.count(b"WARNING") == 1
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    os.close(terminal)


def read_until(terminal, text):
    said = b""
    while text not in said:
        assert select.select([terminal], [], [], 30)[0], said
        said += os.read(terminal, 1000)
    return said
