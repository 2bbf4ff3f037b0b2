"""`aigw replay lint`: what varies between two recordings of one run, and that its rule makes them the same."""

import json
from contextlib import chdir

import pytest
import yaml
from recorded_calls import chat_call, embeddings_call, said, user, written
from typer.testing import CliRunner

from aigw.cli.main import app

BUILTIN = {"plugins": {"ai-proxy": {"provider": {"type": "builtin"}}}}


@pytest.fixture
def lint(tmp_path):
    def run_it(*words):
        result = CliRunner(env={"COLUMNS": "80", "TERMINAL_WIDTH": "80"}).invoke(app, ["replay", "lint", *words])
        assert result.exception is None or isinstance(result.exception, SystemExit), result.output
        return result.exit_code, result.stdout, result.stderr

    with chdir(tmp_path):
        yield run_it


def run(case, *others):
    return [(chat_call(user(text)), said("ok")) for text in (f"Look at CASE-{case}.", *others)]


def test_the_same_run(lint, tmp_path):
    written(tmp_path / "one", *run(1, "Hi"))
    assert lint("one", "one") == (0, "2 requests the same, 0 different\n", "")


def test_the_proposed_rule_makes_them_the_same(lint, tmp_path):
    written(tmp_path / "one", *run(1, "Hi"))
    written(tmp_path / "two", *run(27, "Hi"))
    code, out, err = lint("one", "two")
    told, _, rules = out.partition("add to aigw.yaml:\n\n")
    assert (code, err) == (1, "")
    assert told.splitlines()[:4] == [
        "1 request the same, 1 different", "", "messages[*].content in 1 call", '  "Look at CASE-1." -> "Look at CASE-27."',
    ]  # fmt: skip
    (tmp_path / "aigw.yaml").write_text(yaml.safe_dump({**BUILTIN, **yaml.safe_load(rules)}))
    assert lint("one", "two")[:2] == (0, "2 requests the same, 0 different\n")


def test_calls_are_found_again_where_others_were_added(lint, tmp_path):
    written(tmp_path / "one", *run(1, "Hi"))
    written(tmp_path / "two", (embeddings_call("x"), said("")), *run(2, "Hi"))
    code, out, _ = lint("one", "two")
    assert (code, out.splitlines()[0]) == (1, "1 request the same, 1 different, 1 without a counterpart")


def test_for_programs(lint, tmp_path):
    written(tmp_path / "one", *run(1))
    written(tmp_path / "two", *run(2))
    code, out, _ = lint("one", "two", "--json")
    found = json.loads(out)
    assert (code, found["same"], found["different"], len(found["varying"])) == (1, 0, 1, 1)
    assert found["rules"] == [found["varying"][0]["rule"]]
    assert "CASE" in found["rules"][0]["regex"]


@pytest.mark.parametrize(
    ("words", "why"), [(("one", "nowhere"), "there is no folder nowhere"), (("one",), "Missing argument 'B'")]
)
def test_what_is_typed_wrong(lint, tmp_path, words, why):
    written(tmp_path / "one", *run(1))
    code, out, err = lint(*words)
    assert (code, out, why in err) == (2, "", True), err
