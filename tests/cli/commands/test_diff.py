"""`aigw diff`: what a user sees of two recorded runs."""

import json
from contextlib import chdir

import pytest
from recorded_calls import chat_call, said, user, written
from typer.testing import CliRunner

from aigw.cli.main import app


@pytest.fixture
def diff(tmp_path):
    def run_it(*words):
        result = CliRunner(env={"COLUMNS": "80", "TERMINAL_WIDTH": "80"}).invoke(app, ["diff", *words])
        assert result.exception is None or isinstance(result.exception, SystemExit), result.output
        return result.exit_code, result.stdout, result.stderr

    with chdir(tmp_path):
        yield run_it


@pytest.fixture
def runs(tmp_path):
    first, second = "Name the three largest cities of the country of France.", "Hi"
    old = [(chat_call(user(first)), said("Paris.")), (chat_call(user(second)), said("Hello."))]
    new = [(chat_call(user(first.replace("three", "two"))), said("Lyon.")), (chat_call(user("Why?")), said("So."))]
    written(tmp_path / "old", *old)
    written(tmp_path / "new", *new, old[1])


def test_what_differs(diff, runs):
    code, out, err = diff("old", "new")
    lines = out.splitlines()
    assert (code, err) == (0, "")
    assert lines[0] == "2 calls -> 3: 1 added, 1 with another request, 1 with another answer"
    assert lines[3].startswith('  messages[0].content: "')
    assert "three" in lines[3]
    assert lines[4] == "    in 001-01-chat"
    assert [line.split()[:3] for line in lines[7:9]] == [
        ["~", "001-01-chat", "request,"], ["text:", '"Paris."', "->"],
    ]  # fmt: skip
    assert lines[9].split()[:3] == ["+", "002-01-chat", "added"]
    assert all(len(line) <= 80 for line in lines)


def test_no_difference(diff, runs):
    code, out, _ = diff("old", "old", "--exit-code")
    assert (code, out.splitlines()[0]) == (0, "2 calls -> 2: no difference")


def test_the_exit_code_on_request(diff, runs):
    assert [diff("old", "new", *option)[0] for option in ((), ("--exit-code",))] == [0, 1]


def test_for_programs(diff, runs):
    code, out, _ = diff("old", "new", "--json", "--exit-code")
    found = json.loads(out)
    assert (code, found["differs"], found["total"]["old"]["calls"]) == (1, True, 2)
    assert [(each["old"], each["new"]) for each in found["calls"]] == [
        ("001-01-chat.json", "001-01-chat.json"), (None, "002-01-chat.json"),
    ]  # fmt: skip
    assert found["requests"][0]["path"] == "messages[0].content"
    assert found["requests"][0]["calls"] == ["001-01-chat"]


def test_for_a_pull_request(diff, runs):
    code, out, _ = diff("old", "new", "--markdown")
    assert (code, out.splitlines()[0]) == (0, "### Recordings: `old` → `new`")
    assert "<details>" in out


def test_declared_volatile_is_no_difference(diff, runs, tmp_path):
    (tmp_path / "aigw.yaml").write_text(
        "record: {volatile: {rules: [{regex: 'three|two'}]}}\nplugins: {ai-proxy: {provider: {type: builtin}}}\n"
    )
    assert "with another request" not in diff("old", "new")[1]


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("old", "nowhere"), "there is no folder nowhere"),
        (("old", "new", "--markdown", "--json"), "choose one of"),
        (("old", "new", "--config", "nowhere.yaml"), "nowhere.yaml"),
        (("old",), "Missing argument 'B'"),
    ],
)
def test_what_cannot_be_compared(diff, runs, words, why):
    code, out, err = diff(*words)
    assert (code, out, why in err) == (2, "", True), err


def test_a_file_that_is_no_recording(diff, runs, tmp_path):
    (tmp_path / "old" / "001-01-chat.json").write_text("{")
    code, _, err = diff("old", "new")
    assert (code, "001-01-chat.json: is no recording" in err) == (2, True)


def test_the_folders_of_tests_are_compared_by_their_names(diff, tmp_path):
    call, other = (chat_call(user("Hi")), said("Hello.")), (chat_call(user("Hi")), said("Bye."))
    for folder, recorded in (
        ("old/test_a", call), ("new/test_a", other), ("old/test_b", call), ("new/test_b", call), ("new/test_c", call),
    ):  # fmt: skip
        written(tmp_path / folder, recorded)
    code, out, _ = diff("old", "new", "--exit-code")
    assert (code, out.splitlines()[0]) == (1, "2 calls -> 3: 1 added, 1 with another answer")
    assert "test_a/001-01-chat" in out
    found = json.loads(diff("old", "new", "--json")[1])
    assert [(each["old"], each["new"]) for each in found["calls"]] == [
        ("test_a/001-01-chat.json", "test_a/001-01-chat.json"), (None, "test_c/001-01-chat.json"),
    ]  # fmt: skip
    assert diff("old", "old")[1].startswith("2 calls -> 2: no difference")
