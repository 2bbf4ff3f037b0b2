"""`aigw init`: the file that it writes is right as it is, and so is everything in it that is commented out."""

import json
import os
import re

import pytest
from typer.testing import CliRunner

from aigw.cli.commands.init import TEMPLATE, fill
from aigw.cli.main import app
from aigw.config.automatic import automatic
from aigw.config.effective import effective
from aigw.config.load import examine, load
from aigw.config.model import GatewayConfig
from aigw.providers.environment import ENV_PROVIDERS

KEYS = {"OPENAI_API_KEY": "k", "DASHSCOPE_API_KEY": "k", "AIGW_ADMIN_KEY": "k", "ANN_KEY": "k"}


def clean():
    """Without the keys of who runs the tests, and without an Ollama."""
    kept = {name: value for name, value in os.environ.items() if not name.endswith("_API_KEY")}
    return kept | {"OLLAMA_HOST": "127.0.0.1:9"}


def examined(text, env, tmp_path):
    path = tmp_path / "aigw.yaml"
    path.write_text(text)
    loaded, report = examine(path, env)
    assert report.format_all(report.errors) == []
    assert report.format_all(report.notes) == []
    return loaded


def test_it_is_right_as_it_is_without_any_key(tmp_path):
    loaded = examined(TEMPLATE, {}, tmp_path)
    assert list(loaded.plugins) == ["ai-statistics", "ai-proxy"]


@pytest.mark.parametrize(
    ("left_out", "ids"),
    [
        (r"^    provider:\n(      .*\n)+", ["openai", "qwen"]),
        (r"^    provider:\n      type: builtin\n|^    providers:\n(.*\n)+?    fallback: .*\n", []),
    ],
    ids=["several providers", "one provider"],
)
def test_what_is_commented_out_is_right_too(left_out, ids, tmp_path):
    text = re.sub(r"^#(?=\S|  )", "", TEMPLATE, flags=re.MULTILINE)
    once = re.sub(left_out, "", text, flags=re.MULTILINE)
    loaded = examined(once, KEYS, tmp_path)
    assert [route.name for route in loaded.config.routes] == ["llm", "app"]
    assert list(loaded.plugins) == loaded.config.order
    assert [provider.id for provider in loaded.plugins["ai-proxy"].rules.configs[-1].providers] == ids


def test_it_is_read_at_80_columns():
    env = {row.variable: "sk-secret" for row in ENV_PROVIDERS}
    filled = fill(automatic(env, ("127.0.0.1", 11434), ["llama3.2:latest"])["ai-proxy"])
    assert all(len(line) <= 80 for text in (TEMPLATE, filled) for line in text.splitlines())


def test_every_key_of_the_file_is_shown():
    for name in GatewayConfig.__struct_fields__:
        assert re.search(rf"^#?{name}:", TEMPLATE, re.MULTILINE), name


def test_nothing_vanishes_by_having_a_file(tmp_path):
    """It has what a start without a file would use."""
    env = {row.variable: "sk-secret" for row in ENV_PROVIDERS}
    plugins = automatic(env, ("127.0.0.1", 11434), ["llama3.2:latest"])
    text = fill(plugins["ai-proxy"])
    loaded = examined(text, env, tmp_path)
    without = load(None, env, text=json.dumps({"plugins": plugins}).encode())
    assert effective(loaded).values["plugins"] == effective(without).values["plugins"]
    assert "sk-secret" not in text
    assert max(map(len, text.splitlines())) <= 130


@pytest.fixture
def run(tmp_path, commands):
    def invoke(*words, **env):
        done = commands.run("init", *words, cwd=tmp_path, env=clean() | env)
        return done.returncode, done.stdout + done.stderr

    return invoke


def test_it_overwrites_only_when_told(run, tmp_path):
    assert run() == (0, "aigw.yaml is written; next: aigw serve\n")
    (tmp_path / "aigw.yaml").write_text("mine")
    assert run() == (1, "aigw init: aigw.yaml is there already; --force overwrites it\n")
    assert (tmp_path / "aigw.yaml").read_text() == "mine"
    assert run("--force")[0] == 0
    assert (tmp_path / "aigw.yaml").read_text() == TEMPLATE


def test_another_file_and_one_that_cannot_be_written(run, tmp_path):
    assert run("b.yaml") == (0, "b.yaml is written; next: aigw serve --config b.yaml\n")
    assert run("nowhere/b.yaml") == (1, "aigw init: nowhere/b.yaml cannot be written: No such file or directory\n")


def test_what_is_found_is_said_and_written(run, tmp_path):
    said = "aigw.yaml is written with what was found: deepseek; next: aigw serve\n"
    assert run(DEEPSEEK_API_KEY="sk-secret") == (0, said)
    text = (tmp_path / "aigw.yaml").read_text()
    assert "${DEEPSEEK_API_KEY}" in text
    assert "sk-secret" not in text


def test_a_key_that_is_left_out_is_said(run, tmp_path):
    """A file without the provider would look as if the key had not been seen."""
    code, said = run(OPENAI_API_KEY="sk-secret", OPENAI_BASE_URL="not-a-url", DEEPSEEK_API_KEY="sk-other")
    assert code == 0
    assert "note: OPENAI_API_KEY is not used: OPENAI_BASE_URL is not a URL" in said
    assert "found: deepseek; next" in said
    assert "sk-" not in said
    assert "note: OLLAMA_HOST is ignored" in run("--force", OLLAMA_HOST="http://[broken")[1]


def test_help_has_an_example():
    assert "Example: aigw init" in CliRunner().invoke(app, ["init", "--help"]).output
