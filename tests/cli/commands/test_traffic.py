"""aigw/cli/commands/traffic.py: recordings are listed, shown, removed, redacted and written in formats of others."""

import contextlib
import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest
from children import children
from recorded_calls import END, assistant, chat_call, delta, embeddings_call, said, streamed, user, written
from typer.testing import CliRunner

from aigw.cli.main import app
from aigw.traffic.format.folder import Folder
from aigw.traffic.replay.used import note, read

AT = 1_795_000_000.0
PRICES = "prices: {'gpt-4o*': {input: 1000000, output: 1000000}, 'text-*': {input: 1}}\n"


@pytest.fixture
def recs(tmp_path):
    """Two conversations and a call without turns; a configuration with prices beside them."""
    system = {"role": "system", "content": "be brief"}
    written(
        tmp_path / "recs",
        (chat_call(system, user("Grüß Gott 你好")), streamed(delta("Hello "), delta("there"), *END)),
        (chat_call(system, user("Grüß Gott 你好"), assistant("Hello there"), user("and?")), said("ACCT-77 is mine")),
        (chat_call(user("fail"), headers=(("x-aigw-session", "nightly"),)), said("", status=500)),
        (embeddings_call("a text"), said("")),
    )
    (tmp_path / "aigw.yaml").write_text(PRICES)
    return tmp_path / "recs"


def traffic(recs, *words, given=None, columns="80"):
    with contextlib.chdir(recs.parent):
        return CliRunner(env={"COLUMNS": columns}).invoke(app, ["traffic", *words], input=given)


def told(recs, *words):
    done = traffic(recs, *words, "--json")
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


def lines(done):
    return [json.loads(line) for line in done.stdout_bytes.splitlines()]


def test_ls(recs):
    done = traffic(recs, "ls", "recs")
    assert done.exit_code == 0, done.output
    head, *rows, total = done.stdout.splitlines()
    assert all(len(line) <= 80 for line in done.stdout.splitlines())
    assert head.split() == ["name", "session", "model", "status", "in", "out", "$", "ms", "says"]
    assert rows[1].split()[:2] == ["001-01-chat", "gpt-4o"]
    assert rows[1].split()[2:8] == ["200", "3", "2", "5.00", "40ms", "Grüß"]
    assert "nightly" in rows[3]
    assert total == "4 calls, 2 conversations: 5 tokens, $5.00+?, 1 failed"


def test_ls_for_programs(recs):
    rows = told(recs, "ls", "recs")
    assert [row["name"] for row in rows] == [file for _, file in Folder(recs).files()]
    first = rows[1]
    assert (first["tokens"], first["usd"], first["words"]) == ({"in": 3, "out": 2}, 5.0, "Grüß Gott 你好")
    assert rows[3]["session"]["name"] == "nightly"


def test_a_recording_that_cannot_be_used_does_not_hide_the_others(recs):
    (recs / "001-01-chat.json").write_bytes(b"{")
    done = traffic(recs, "ls", "recs")
    assert (done.exit_code, len(done.stdout.splitlines())) == (1, 5)
    assert done.stderr.startswith("aigw traffic ls: recs/001-01-chat.json: is no recording (")
    assert "record it again" in done.stderr
    for words in (["export", "recs", "-f", "har"], ["redact", "recs"]):
        other = traffic(recs, *words)
        assert (other.exit_code, "001-01-chat.json: is no recording" in other.stderr) == (1, True)
        assert other.stdout


def test_a_folder_that_is_not_there_or_empty(recs):
    for words in (["ls"], ["export", "-f", "sft"], ["redact"], ["prune", "--older-than", "1d"]):
        done = traffic(recs, *words, "none")
        assert (done.exit_code, done.stdout) == (1, "")
        assert "there is no folder none; `aigw serve --record none` makes one" in done.stderr
    assert not (recs.parent / "none").exists()
    (recs.parent / "empty").mkdir()
    assert "There are no recordings in empty" in traffic(recs, "ls", "empty").stdout
    assert told(recs, "ls", "empty") == []


@pytest.mark.parametrize("name", ["001-01-chat", "001-01-chat.json"])
def test_show(recs, name):
    shown = traffic(recs, "show", f"recs/{name}").stdout
    for part in (
        "be brief",
        "Grüß Gott 你好",
        "answer (stop)",
        "Hello there",
        "3 tokens in, 2 out, $5.00",
        "@10",
        "[DONE]",
    ):
        assert part in shown


def test_show_bytes_and_for_programs(recs):
    raw = traffic(recs, "show", "recs/001-01-chat", "--raw").stdout_bytes
    assert raw == delta("Hello ") + delta("there") + b"".join(END)
    call = told(recs, "show", "recs/001-01-chat")
    assert "".join(text for _, text in call["pieces"]).encode() == raw
    assert call["request"]["json"]["messages"][1] == user("Grüß Gott 你好")
    assert (call["answer"]["text"], call["usd"], call["first_ms"]) == ("Hello there", 5.0, 10.0)
    assert traffic(recs, "show", "recs/001-01-chat", "--raw", "--json").exit_code == 2


def test_git_shows_what_was_said_and_no_more(recs):
    """What differs each time a call is recorded is left out, and no configuration is needed."""
    (recs.parent / "aigw.yaml").write_text("nonsense: [")
    git = ["git", "-c", "user.name=x", "-c", "user.email=x@example.com"]
    textconv = f"'{sys.executable}' -m aigw traffic show --texts"

    def run(*words):
        env = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])}
        return subprocess.run([*git, *words], cwd=recs, check=True, capture_output=True, text=True, env=env).stdout

    run("init", "-q")
    (recs / ".gitattributes").write_text("*.json diff=aigw\n")
    run("add", "-A")
    run("commit", "-q", "-m", "before")
    for old, new in (("Grüß Gott", "Moin"), ('"date": "2026-', '"date": "2027-')):
        file = recs / "001-01-chat.json"
        file.write_text(file.read_text().replace(old, new))
    changed = [line for line in run("-c", f"diff.aigw.textconv={textconv}", "diff").splitlines() if line[:1] in "+-"]
    assert changed[2:] == ["-  Grüß Gott 你好", "+  Moin 你好"]


@pytest.mark.parametrize("file", ["recs/009-01-chat", "recs/../aigw.yaml", "001-01-chat", "recs/", "nowhere/x"])
def test_show_what_is_not_there(recs, file):
    done = traffic(recs, "show", file)
    assert done.exit_code == 1
    assert "aigw traffic show: " in done.stderr
    assert not done.stdout


def test_what_is_hostile_reaches_no_terminal(recs):
    written(
        recs.parent / "bad",
        (chat_call(user("\x1b[31mred\u202e\r\n\ttab sk-proj-abcdefghijklmnopqrstuvwx")), said("\x1b]0;title\x07")),
    )
    for words in (["ls", "bad"], ["show", "bad/001-01-chat"]):
        shown = traffic(recs, *words).stdout
        assert not set(shown) & set("\x1b\x07\u202e")
        assert "sk-proj" not in shown
    assert "\n      tab ***\n" in shown


def test_prune_by_use(recs):
    done = traffic(recs, "prune", "recs", "--unused", "--yes")
    assert (done.exit_code, "no replay has noted what it used" in done.stderr) == (1, True)
    note(recs, ["001-01-chat.json", "001-02-chat.json"], AT)
    dry = traffic(recs, "prune", "recs", "--unused", "--dry-run")
    assert "2 of 4 recordings can be removed (replays from 2026-11-18" in dry.stdout
    assert told(recs, "prune", "recs", "--unused", "--yes")["removed"] == ["000-01-embeddings.json", "002-01-chat.json"]
    assert [file for _, file in Folder(recs).files()] == ["001-01-chat.json", "001-02-chat.json"]
    assert read(recs) is None, "the next replays count anew"


def test_prune_by_age_and_use(recs):
    note(recs, ["001-01-chat.json"], AT)
    assert told(recs, "prune", "recs", "--unused", "--older-than", "2020-01-01", "--yes")["removable"] == []
    assert told(recs, "prune", "recs", "--older-than", "2020-01-01", "--yes")["removed"] == []
    assert len(told(recs, "prune", "recs", "--older-than", "2026-11-01", "--dry-run")["removable"]) == 4
    assert len(Folder(recs).entries()) == 4
    assert read(recs) is not None


def test_prune_asks_before_it_removes(recs):
    note(recs, ["001-01-chat.json"], AT)
    done = traffic(recs, "prune", "recs", "--unused", given="y\n")
    assert (done.exit_code, "say --yes, or --dry-run" in done.stderr) == (2, True)
    for answer, left in ((b"n\n", 4), (b"y\n", 1)):
        assert at_terminal(recs, "prune", "recs", "--unused", answer=answer)[0] == 0
        assert len(Folder(recs).entries()) == left


def at_terminal(recs, *words, answer):
    """Runs a command at a terminal on which somebody types `answer`."""
    parent, child = pty.openpty()
    env = {"PATH": os.environ["PATH"], "PYTHONPATH": os.environ.get("PYTHONPATH", ""), "HOME": str(recs.parent)}
    with children() as start:
        command = [sys.executable, "-m", "aigw", "traffic", *words]
        process = start(command, cwd=recs.parent, env=env, stdin=child, stdout=child, stderr=child)
        os.write(parent, answer)
        code = process.wait(timeout=30)
    os.close(child)
    printed = os.read(parent, 100_000)
    os.close(parent)
    return code, printed


@pytest.mark.parametrize("words", [[], ["--older-than", "soon"], ["--older-than", ""]])
def test_prune_needs_to_know_what(recs, words):
    assert traffic(recs, "prune", "recs", *words).exit_code == 2


def test_redact(recs):
    dry = traffic(recs, "redact", "recs", "--pattern", "ACCT-[0-9]+", "--dry-run")
    assert dry.stdout == "1 of 4 recordings would be changed: 001-02-chat.json\n"
    for pattern, code in (("ACCT-[0-9]+", 1), ("NOTHING", 0)):
        assert traffic(recs, "redact", "recs", "--dry-run", "--exit-code", "--pattern", pattern).exit_code == code
    assert told(recs, "redact", "recs", "--pattern", "ACCT-[0-9]+")["redacted"] == ["001-02-chat.json"]
    assert "ACCT-77" not in (recs / "001-02-chat.json").read_text()
    assert traffic(recs, "redact", "recs").stdout == "0 of 4 recordings were changed\n"


def test_redact_secrets_of_the_configuration(recs):
    (recs.parent / "aigw.yaml").write_text(
        "plugins: {ai-proxy: {provider: {type: openai, apiTokens: [Hello-there-77]}}}"
    )
    written(recs, (chat_call(user("is it Hello-there-77?")), said("yes")))
    assert len(told(recs, "redact", "recs")["redacted"]) == 1


@pytest.mark.parametrize("pattern", ["(", ".*", "", "(?=x)"])
def test_what_is_no_pattern(recs, pattern):
    done = traffic(recs, "redact", "recs", "--pattern", pattern)
    assert (done.exit_code, "aigw traffic redact: --pattern" in done.stderr) == (2, True)


def test_nothing_changes_while_a_gateway_records(recs):
    recorder = Folder(recs)
    recorder.claim("r1")
    for words in (["redact", "recs", "--pattern", "ACCT"], ["prune", "recs", "--older-than", "1d", "--yes"]):
        done = traffic(recs, *words)
        assert (done.exit_code, "a gateway records here; stop it first" in done.stderr) == (1, True)
    recorder.release()
    assert len(Folder(recs).entries()) == 4


def test_export(recs):
    har = lines(traffic(recs, "export", "recs", "--format", "har"))[0]
    assert [entry["response"]["status"] for entry in har["log"]["entries"]].count(500) == 1
    calls = lines(traffic(recs, "export", "recs", "-f", "jsonl"))
    assert [(call["name"], call["usd"]) for call in calls][1] == ("001-01-chat.json", 5.0)
    assert calls[1]["answer"]["text"] == "Hello there"
    done = traffic(recs, "export", "recs", "-f", "openai-evals")
    assert [example["ideal"] for example in lines(done)] == ["Hello there", "ACCT-77 is mine"]
    assert "2 written; left out: 1 call failed or broken off, 1 call without a conversation" in done.stderr
    done = traffic(recs, "export", "recs", "-f", "sft")
    (example,) = lines(done)
    assert [message["role"] for message in example["messages"]] == ["system", "user", "assistant", "user", "assistant"]
    assert "1 call that a longer one goes on from" in done.stderr
    assert traffic(recs, "export", "recs", "-f", "yaml").exit_code == 2


def fields(**changed):
    def damage(path):
        path.write_text(json.dumps(json.loads(path.read_text()) | changed))

    return damage


def side(**changed):
    blob = {"file": "001-01-chat.answer.bin", "sha256": "0" * 64, "size": 3}
    return fields(pieces=[[1, {**blob, **changed}]])


def content(data):
    return lambda path: path.write_bytes(data)


def link(path):
    path.rename(path.with_name("elsewhere"))
    path.symlink_to(path.with_name("elsewhere"))


def folder_instead(path):
    path.unlink()
    path.mkdir()


DAMAGES = {
    "truncated": lambda path: path.write_bytes(path.read_bytes()[:-40]),
    "nested": content(b'{"aigw":1,"source":' * 20_000),
    "large": lambda path: os.truncate(path, 2**26 + 1),
    "link": link,
    "folder": folder_instead,
    "no object": content(b"[1]"),
    "binary": content(b"\xff\x00" * 99),
    "newer": fields(aigw=2),
    "older": fields(aigw=0),
    "huge number": content(b'{"aigw":1,"head":{"status":1e999}}'),
    "wrong type": fields(session="first"),
    "negative time": fields(pieces=[[-5, "x"]]),
    "traversal": side(file="../../secret.bin"),
    "absolute": side(file="/etc/passwd"),
    "digest": side(),
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_a_hostile_file_is_named_with_the_remedy(recs, damage):
    (recs / "001-01-chat.answer.bin").write_bytes(b"abc")
    (recs.parent / "secret.bin").write_bytes(b"abc")
    damage(recs / "001-01-chat.json")
    for words in (["export", "recs", "-f", "har"], ["redact", "recs"], ["show", "recs/001-01-chat"]):
        done = traffic(recs, *words)
        assert done.exit_code == 1, words
        assert isinstance(done.exception, SystemExit), "no traceback"
        assert "recs/001-01-chat" in done.stderr
        assert any(remedy in done.stderr for remedy in ("record it again", "remove it", "move it away", "newer aigw"))
    assert traffic(recs, "ls", "recs").exit_code in (0, 1)


def test_the_folders_of_tests_are_one_tree(recs):
    """The fixture `aigw` gives each test a folder; whoever names the one above means all of them."""
    test = written(recs / "test_agent" / "test_it", (chat_call(user("Two")), said("ACCT-88")))
    _, name, row, *_ = traffic(recs, "ls", "recs/test_agent").stdout.splitlines()
    assert (name, row.split()[0]) == ("test_it", "001-01-chat")
    names = [row["name"] for row in told(recs, "ls", "recs")]
    assert (len(names), names[-1]) == (5, "test_agent/test_it/001-01-chat.json")
    assert traffic(recs, "show", f"recs/{names[-1]}").exit_code == 0
    assert [each["name"] for each in lines(traffic(recs, "export", "recs", "-f", "jsonl"))] == names
    assert len(json.loads(traffic(recs, "export", "recs", "-f", "har").stdout)["log"]["entries"]) == 5
    assert len(lines(traffic(recs, "export", "recs", "-f", "openai-evals"))) == 3
    done = told(recs, "redact", "recs", "--pattern", "ACCT-[0-9]+")
    assert (done["redacted"], done["total"]) == (["001-02-chat.json", names[-1]], 5)
    note(recs, ["001-01-chat.json"], AT)
    dry = traffic(recs, "prune", "recs", "--unused", "--dry-run").stdout
    assert "3 of 5 recordings can be removed" in dry
    assert "No replay has noted anything in test_agent/test_it" in dry
    note(test.path, [], AT)
    assert told(recs, "prune", "recs", "--unused", "--yes")["removed"][-1] == names[-1]
    assert test.names() == []
