"""`aigw logs`: what is in the file of usage, what comes, and what was said as a running gateway has kept it."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import msgspec
import pytest
from serving import chat, serving

from aigw.books.sqlite_log import SqliteUsageLog
from aigw.books.usage_row import UsageRow
from aigw.cli.sources.request_texts import Part
from aigw.cli.views.logs import line, said
from aigw.core.tokens import Tokens

ROOT = Path(__file__).parents[3]
TOKENS = Tokens(input=10, output=20, source="reported")
ROWS = [
    UsageRow(id="a", at=1.0, route="llm", model="qwen-max", asked="gpt-4", consumer="ann", tokens=TOKENS, cost=0.01),
    UsageRow(id="b", at=2.0, route="llm", model="qwen-plus", tokens=TOKENS, cache="hit", cost=0.0),
    UsageRow(id="c", at=3.0, route="default", asked="nix", status=404, error="model_not_found"),
    UsageRow(id="d", at=4.0, route="default", api="", status=200, outcome="failed", error="bad\x1b[2J"),
]


@pytest.fixture
def logs(commands, tmp_path):
    def logs(*words):
        env = {"PATH": os.environ["PATH"], "XDG_RUNTIME_DIR": str(tmp_path), "TMPDIR": str(tmp_path)}
        done = commands.run("logs", *words, cwd=tmp_path, env=env)
        assert "Traceback" not in done.stderr
        return done.returncode, done.stdout, done.stderr

    return logs


@pytest.fixture
def filled(tmp_path):
    now = time.time()
    log = SqliteUsageLog(tmp_path / ".aigw" / "usage.sqlite", interval=0.01)
    for row in ROWS:
        log.append(msgspec.structs.replace(row, at=now - 100 + row.at))
    log.close()


def test_the_newest_comes_last(logs, filled):
    code, out, err = logs()
    assert (code, err) == (0, "")
    first, second, third, fourth = out.splitlines()
    assert first[8:].split() == [
        "200",
        "qwen-max",
        "10",
        "in",
        "20",
        "out",
        "$0.0100",
        "0ms",
        "for",
        "gpt-4,",
        "route",
        "llm,",
        "by",
        "ann",
    ]
    assert second.endswith("cache: hit, route llm")
    assert third[8:].split()[:2] == ["404", "nix"]
    assert "\x1b" not in fourth
    assert logs("-n", "1")[1] == f"{fourth}\n"


@pytest.mark.parametrize(
    ("words", "ids"),
    [
        ([], "abcd"), (["-m", "gpt-*"], "a"), (["--model", "qwen*"], "ab"), (["--route", "default"], "cd"),
        (["--consumer", "ann"], "a"), (["--status", "4xx"], "c"), (["--status", "failed"], "cd"),
        (["--since", "97.5s"], "cd"), (["--status", "200", "-n", "1"], "d"),
    ],
)  # fmt: skip
def test_filters_and_json(logs, filled, words, ids):
    code, out, err = logs("--json", *words)
    assert (code, err) == (0, "")
    rows = [json.loads(line) for line in out.splitlines()]
    assert "".join(row["id"] for row in rows) == ids
    assert "conversation" not in rows[0]


def test_nothing_is_there(logs, filled, tmp_path):
    assert logs("--model", "nix*", "--status", "200") == (0, "", "aigw logs: no request in .aigw is like that\n")
    code, out, err = logs("--state", "other")
    assert (code, out) == (0, "")
    assert err.startswith("aigw logs: there are no requests in other yet: start `aigw serve` here")
    code, out, err = logs("--texts", "-n", "1")
    assert (code, len(out.splitlines())) == (0, 1)
    assert err.startswith("aigw logs: what was said is kept only while somebody looks")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--status", "4"], "'4' is no status; write 429, 4xx or failed"),
        (["--since", "soon"], "'soon' is not a time"),
        (["--recipe", "nix"], "there is no recipe 'nix'"),
    ],
)
def test_mistakes(logs, words, message):
    code, out, err = logs(*words)
    assert (code, out) == (2, "")
    assert message in err


def test_a_file_that_is_not_ours(logs, tmp_path):
    (tmp_path / "usage.sqlite").write_text("text")
    code, _, err = logs("--state", ".")
    assert (code, err.startswith("aigw logs: usage.sqlite is no usage file")) == (1, True)


def test_it_follows_and_shows_what_is_said(tmp_path, child):
    env = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "XDG_RUNTIME_DIR": str(tmp_path)}
    with serving(tmp_path) as serve:
        _, url = serve(XDG_RUNTIME_DIR=str(tmp_path))
        command = [sys.executable, "-m", "aigw", "logs", "-f", "--texts"]
        pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        process = child(command, cwd=tmp_path, env=env, **pipes)
        seen = ""
        while "said: sk-" not in seen and "assistant: " not in seen:  # until it looks, nothing is kept of what is said
            chat(url, "one\ntwo\x1b[2J sk-abcdefghijklmnopqrstuvwxyz0123456789")
            seen += process.stdout.readline()
            if "  user: one" in seen:
                seen += process.stdout.readline() + process.stdout.readline()
        assert "  user: one\n    two\ufffd[2J " in seen
        assert "\n  assistant: one\n" in seen
        assert "abcdefghijklmnop" not in seen
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=30)
        assert (process.returncode, err) == (130, "")


def test_the_last_question_and_its_answer():
    parts = [
        Part("system", "text", "Be brief."),
        Part("user", "text", "First?"),
        Part("assistant", "text", "One."),
        Part("user", "text", "Second?\n\tLine"),
        Part("user", "image", f"data:{'x' * 500}"),
        Part("assistant", "call", '{"a": 1}', "tool", answer=True),
        Part("assistant", "text", "Two.", answer=True),
    ]
    assert list(said(parts)) == [
        "  user: Second?",
        "        Line",
        f"  user image: data:{'x' * 55}",
        '  assistant calls tool: {"a": 1}',
        "  assistant: Two.",
    ]
    assert list(said([])) == []


def test_the_date_if_it_was_another_day():
    assert line(ROWS[0], time.time(), 200).startswith(time.strftime("%Y-%m-%d %H:%M:%S 200 ", time.localtime(1.0)))
