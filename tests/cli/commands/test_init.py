"""`aigw init`: the file that it writes is right as it is, and so is everything in it that is commented out."""

import re
import subprocess
import sys

import pytest
from typer.testing import CliRunner

from aigw.cli.commands.init import TEMPLATE
from aigw.cli.main import app
from aigw.config.load import examine
from aigw.config.model import GatewayConfig

KEYS = {"OPENAI_API_KEY": "k", "DASHSCOPE_API_KEY": "k", "AIGW_ADMIN_KEY": "k", "ANN_KEY": "k"}


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


def test_what_is_commented_out_is_right_too(tmp_path):
    text = re.sub(r"^#(?=\S|  )", "", TEMPLATE, flags=re.MULTILINE)
    once = text.replace("    provider:\n      type: builtin\n", "", 1)
    loaded = examined(once, KEYS, tmp_path)
    assert [route.name for route in loaded.config.routes] == ["llm", "app"]
    assert list(loaded.plugins) == loaded.config.order
    assert len(loaded.plugins["ai-proxy"].rules.configs[-1].providers) == 2


def test_every_key_of_the_file_is_shown():
    for name in GatewayConfig.__struct_fields__:
        assert re.search(rf"^#?{name}:", TEMPLATE, re.MULTILINE), name


@pytest.fixture
def run(tmp_path):
    def invoke(*words):
        command = [sys.executable, "-m", "aigw", "init", *words]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60)
        return done.returncode, done.stdout + done.stderr

    return invoke


def test_it_overwrites_only_when_told(run, tmp_path):
    assert run() == (0, "aigw.yaml is written; next: aigw serve\n")
    (tmp_path / "aigw.yaml").write_text("mine")
    assert run() == (1, "aigw.yaml is there already; --force overwrites it\n")
    assert (tmp_path / "aigw.yaml").read_text() == "mine"
    assert run("--force")[0] == 0
    assert (tmp_path / "aigw.yaml").read_text() == TEMPLATE


def test_another_file_and_one_that_cannot_be_written(run, tmp_path):
    assert run("b.yaml") == (0, "b.yaml is written; next: aigw serve --config b.yaml\n")
    assert run("nowhere/b.yaml") == (1, "nowhere/b.yaml cannot be written: No such file or directory\n")


def test_help_has_an_example():
    assert "Example: aigw init" in CliRunner().invoke(app, ["init", "--help"]).output
