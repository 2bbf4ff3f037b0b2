"""What is typed wrong is said in lines that fit, by the command that it was typed for, with where to look."""

import pytest
from typer.testing import CliRunner

from aigw.cli.main import app

WRONG = {
    ("--nope",): "aigw: No such option: --nope",
    ("nope",): "aigw: No such command 'nope'.",
    ("usage", "--nope"): "aigw usage: No such option: --nope",
    ("serve", "--prot", "1"): "aigw serve: No such option: --prot (Possible options: --port)",
    ("serve", "--port"): "aigw serve: Option '--port' requires an argument.",
    ("serve", "--port", "abc"): "aigw serve: Invalid value for '--port' / '-p': Input should be a valid integer",
    ("serve", "a" * 9): "aigw serve: Got unexpected extra argument",
    (
        "config",
        "check",
        "foo.yaml",
    ): "aigw config check: Got unexpected extra argument(s) (foo.yaml); write --config foo.yaml",
    ("config", "nope"): "aigw config: No such command 'nope'.",
    ("config", "check", *"abcdefghijklmnopqrstuvwxyz" * 3): "aigw config check: Got unexpected extra argument",
    ("config", "check", "--config"): "aigw config check: Option '--config' requires an argument.",
    ("cache", "show"): "aigw cache show: Missing argument 'KEY'.",
    ("cache", "show", "--nope"): "aigw cache show: No such option: --nope",
    ("budget", "raise", "run"): "aigw budget raise: Missing argument 'AMOUNT'.",
}


@pytest.mark.parametrize("words", WRONG, ids=" ".join)
def test_what_is_typed_wrong(words):
    result = CliRunner(env={"COLUMNS": "80", "TERMINAL_WIDTH": "80"}).invoke(app, [*words])
    lines = result.stderr.splitlines()
    assert (result.exit_code, result.stdout) == (2, "")
    assert all(len(line) <= 80 for line in lines)
    assert " ".join(line.strip() for line in lines).startswith(WRONG[words])
    assert lines[-1] == "See: " + WRONG[words].partition(":")[0].replace("aigw", "aigw help", 1)


def test_what_is_typed_is_no_control_sequence():
    env = {"COLUMNS": "200", "TERMINAL_WIDTH": "200"}
    result = CliRunner(env=env).invoke(app, ["serve", "--port", "\x1b[31m\n7"])
    assert "\x1b" not in result.stderr
    assert len(result.stderr.splitlines()) == 2


@pytest.mark.parametrize("words", [[], ["cache"], ["config"], ["budget"]], ids=" ".join)
def test_a_group_alone_shows_its_commands(words):
    result = CliRunner().invoke(app, words)
    assert "Usage:" in result.output
    assert "See: " not in result.output
