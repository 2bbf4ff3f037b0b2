"""`aigw models`: what can be asked for, on a terminal and for programs."""

import json
import os
from pathlib import Path

import pytest
from serving import serving

ROOT = Path(__file__).parents[3]
CLEAN = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "PYTHONUTF8": "1", "COLUMNS": "80"}
CONFIG = """\
listen: 127.0.0.1:1
prices: {qwen-max: {input: 1.6, output: 6.4, cacheRead: 0.16}}
plugins:
  ai-proxy:
    providers:
      - {id: openai, type: openai}
      - id: cheap
        type: qwen
        apiTokens: [sk-secret]
        modelMapping: {'gpt-4-turbo*': qwen-max, 'claude-3-5-sonnet-latest': qwen-max, 'o1*': qwen-max, '*': qwen-plus}
    activeProviderId: openai
    byModel: {'qwen*': cheap, 'gpt-4-turbo*': cheap, 'claude-3-5-sonnet-latest': cheap, 'o1*': cheap}
"""


@pytest.fixture
def aigw(tmp_path, commands):
    """Runs `aigw models` in a folder with this configuration: (exit code, stdout, stderr)."""

    def run(*words, config=CONFIG, **environment):
        if config:
            (tmp_path / "aigw.yaml").write_text(config)
        done = commands.run("models", *words, cwd=tmp_path, env=CLEAN | environment)
        assert "sk-secret" not in done.stdout + done.stderr
        return done.returncode, done.stdout, done.stderr

    return run


@pytest.mark.parametrize("columns", [80, 60, 200])
def test_the_table_fits(aigw, columns):
    code, out, _ = aigw(COLUMNS=str(columns))
    assert code == 0
    assert max(map(len, out.splitlines())) <= columns


def test_the_table(aigw):
    _, out, errors = aigw()
    lines = out.splitlines()
    assert errors == ""
    assert lines[0] == "openai: default; clients send its key"
    assert lines[1].split() == ["model", "context", "$", "in", "$", "out"]
    assert lines[2].split() == ["gpt-4o-mini", "128k", "0.15", "0.6"]
    assert lines[10].startswith("  and ")
    assert lines[10].endswith(" more: aigw models --provider openai")
    assert lines[12:14] == ["cheap: qwen; for qwen*, gpt-4-turbo*, claude-3-5-sonnet-latest, o1*", lines[1]]
    assert " ".join(lines[14].split()) == "qwen-max ? 1.6 6.4 <- gpt-4-turbo*,"
    assert [line.split() for line in lines[15:17]] == [
        ["claude-3-5-sonnet-latest,", "o1*"],
        ["qwen-plus", "?", "?", "?", "<-", "*"],
    ]


def test_one_provider_with_all_of_its_models(aigw):
    _, out, _ = aigw("--provider", "openai")
    assert " more: " not in out
    assert "  gpt-4.1 " in out
    assert "o1-pro" not in out  # that goes to the other one
    assert "qwen" not in out


def test_for_programs(aigw):
    openai, cheap = json.loads(aigw("--json")[1])
    assert (openai["provider"], openai["clients_send_key"], cheap["clients_send_key"]) == ("openai", True, False)
    assert len(openai["models"]) > 50
    assert cheap["takes"] == ["qwen*", "gpt-4-turbo*", "claude-3-5-sonnet-latest", "o1*"]
    assert cheap["models"][0] == {
        "model": "qwen-max",
        "aliases": ["gpt-4-turbo*", "claude-3-5-sonnet-latest", "o1*"],
        "configured": True,
        "context": None,
        "usd_per_million": {
            "input": [{"above": 0, "usd": 1.6}],
            "output": [{"above": 0, "usd": 6.4}],
            "cache_read": [{"above": 0, "usd": 0.16}],
        },
    }


def test_without_a_configuration_they_are_those_of_the_environment(aigw):
    _, out, _ = aigw(config="", DEEPSEEK_API_KEY="sk-secret")
    heads = [line for line in out.splitlines() if line and not line.startswith(" ")]
    assert heads[:2] == ["deepseek: default; for deepseek*", "builtin: for echo, mock, builtin/*"]
    assert "  deepseek-chat " in out


def test_a_server_whose_models_nobody_knows(aigw):
    own = "plugins: {ai-proxy: {provider: {type: vllm, vllmServerHost: '127.0.0.1:1'}}}"
    assert "  its models are not known here: --live asks for them\n" in aigw(config=own)[1]
    code, out, _ = aigw("--live", config=own)
    assert code == 0
    assert out.startswith("vllm: default; does not list its models: ")
    assert aigw(config="{}") == (0, "There is no provider: `aigw init` writes a configuration that has one.\n", "")


def test_a_gateway_that_runs(aigw, tmp_path):
    with serving(tmp_path) as serve:
        _, url = serve("--recipe", "fallback")
        code, out, _ = aigw("--url", url)
    assert code == 0
    assert [line for line in out.splitlines() if line and not line.startswith(" ")][:2] == [
        "flaky: builtin; default",
        "steady: builtin; fallback",
    ]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--provider", "x"], "aigw models: there is no provider 'x'; there are openai, cheap\n"),
        (["--url", "http://127.0.0.1:1"], "aigw models: there is no aigw at http://127.0.0.1:1 that shows "),
        (["--url", "http://127.0.0.1:1", "--live"], "aigw models: choose one of --live and --url"),
        (["--recipe", "ai-proxy", "--live"], "aigw models: recipe ai-proxy:"),
        (["--recipe", "a", "--config", "b"], "aigw models: choose one of --config and --recipe\n"),
    ],
)
def test_what_is_wrong_is_said(aigw, words, said):
    code, out, errors = aigw(*words)
    assert (code, out, errors.startswith(said)) == (2, "", True), errors
