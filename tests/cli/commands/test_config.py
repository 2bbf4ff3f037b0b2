"""`aigw config`: output and exit codes, in the process that a user starts."""

import json
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
CLEAN = {"PATH": "/usr/bin:/bin", "OLLAMA_HOST": "127.0.0.1:9", "PYTHONPATH": str(ROOT)}


@pytest.fixture
def aigw(tmp_path, commands):
    """Runs aigw in an empty folder with an environment of its own: (exit code, stdout, stderr)."""

    def run(*words, **env):
        done = commands.run(*words, cwd=tmp_path, env=CLEAN | env)
        return done.returncode, done.stdout, done.stderr

    return run


RIGHT = """\
plugins:
  ai-proxy: {provider: {type: openai, apiTokens: ["${OPENAI_API_KEY}"], timeout: "5"}}
"""


def test_check_of_a_right_file(aigw, tmp_path):
    (tmp_path / "aigw.yaml").write_text(RIGHT)
    code, out, err = aigw("config", "check", OPENAI_API_KEY="sk-secret")
    assert (code, err) == (0, "")
    assert out.splitlines() == [
        "note: aigw.yaml:2 plugins.ai-proxy.provider.timeout: text where a number is expected, read as Higress reads it",
        "aigw.yaml: is right; plugins: ai-proxy; no routes",
    ]


def test_check_of_a_wrong_file(aigw, tmp_path):
    (tmp_path / "other.yaml").write_text("listn: 1\n" + RIGHT)
    code, out, err = aigw("config", "check", "-c", "other.yaml")
    assert (code, err) == (2, "")
    assert out.splitlines() == [
        "other.yaml:1: unknown key 'listn'; did you mean 'listen'?",
        "other.yaml:3 plugins.ai-proxy.provider.apiTokens[0]: the environment has no OPENAI_API_KEY; set it, put it into"
        " .env, or write ${OPENAI_API_KEY:-default}",
        "note: other.yaml:3 plugins.ai-proxy.provider.timeout: text where a number is expected, read as Higress reads it",
        "other.yaml: 2 errors",
    ]


def test_check_of_a_file_by_which_nothing_is_answered(aigw, tmp_path):
    (tmp_path / "aigw.yaml").write_text("listen: 127.0.0.1:4700\n")
    code, out, _ = aigw("config", "check")
    assert (code, "nothing is answered without the plugin ai-proxy (`aigw init` writes it)" in out) == (0, True)


def test_check_of_an_address_that_serve_refuses(aigw, tmp_path):
    """The file is right: --insecure serves it."""
    (tmp_path / "aigw.yaml").write_text("plugins: {ai-proxy: {provider: {type: builtin}}}\nlisten: 0.0.0.0:4700\n")
    code, out, _ = aigw("config", "check")
    told = "note: aigw.yaml:2 listen: `aigw serve` refuses it: 0.0.0.0 can be reached from other machines"
    assert (code, out.startswith(told)) == (0, True)


def test_a_recipe_is_checked_and_shown(aigw):
    code, out, err = aigw("config", "check", "--recipe", "model-routes")
    assert (code, out.split(";")[0], err) == (0, "recipe model-routes: is right", "")
    assert "x-higress-llm-model" in aigw("config", "show", "--recipe", "model-routes")[1]
    assert aigw("config", "check", "--recipe", "nosuch")[0] == 2


@pytest.mark.parametrize(
    ("env", "notes"),
    [
        ({}, ["what it finds in the environment: the built-in models"]),
        ({"DEEPSEEK_API_KEY": "k"}, ["what it finds in the environment: deepseek, the built-in models"]),
        ({"OPENAI_BASE_URL": "http://127.0.0.1:9/v1"}, ["openai, the built-in models", "is used without a key"]),
        ({"GROQ_BASE_URL": "https://g.example.com"}, ["the built-in models", "GROQ_BASE_URL is not used"]),
        ({"OLLAMA_HOST": "http://[broken"}, ["the built-in models", "OLLAMA_HOST is ignored"]),
    ],
)
def test_check_without_a_file(aigw, env, notes):
    """There is none, so that it has no errors; what `aigw serve` would do is said."""
    code, out, _ = aigw("config", "check", **env)
    first, *said = out.splitlines()
    assert (code, first) == (2, "aigw.yaml: there is no such file; `aigw init` writes one")
    assert all(line.startswith("note: ") and note in line for line, note in zip(said, notes, strict=True))
    document = json.loads(aigw("config", "check", "--json", **env)[1])
    assert (document["ok"], [each["text"] for each in document["errors"]]) == (False, [first])
    assert [f"note: {each['text']}" for each in document["notes"]] == said


def test_check_of_another_file_that_is_not_there(aigw):
    assert aigw("config", "check", "-c", "b.yaml", GROQ_API_KEY="k")[:2] == (
        2,
        "b.yaml: there is no such file; `aigw init b.yaml` writes one\n",
    )


def test_check_for_programs(aigw, tmp_path):
    (tmp_path / "aigw.yaml").write_text("listn: 1\n")
    code, out, _ = aigw("config", "check", "--json")
    assert code == 2
    assert json.loads(out) == {
        "file": "aigw.yaml",
        "ok": False,
        "errors": [
            {
                "line": 1,
                "path": "",
                "message": "unknown key 'listn'; did you mean 'listen'?",
                "text": "aigw.yaml:1: unknown key 'listn'; did you mean 'listen'?",
            }
        ],
        "notes": [],
    }


def test_show(aigw, tmp_path):
    (tmp_path / "aigw.yaml").write_text(RIGHT)
    code, out, err = aigw("config", "show", OPENAI_API_KEY="sk-secret")
    assert (code, err) == (0, "")
    assert "sk-secret" not in out
    assert "# environment OPENAI_API_KEY (aigw.yaml:2)" in out
    code, out, _ = aigw("config", "show", "--json", OPENAI_API_KEY="sk-secret")
    assert json.loads(out)["order"] == {"default": ["ai-proxy"]}
    assert "sk-secret" not in out


def test_show_of_a_wrong_file(aigw, tmp_path):
    (tmp_path / "aigw.yaml").write_text("listn: 1\n")
    assert aigw("config", "show") == (
        2,
        "",
        "aigw config show: aigw.yaml:1: unknown key 'listn'; did you mean 'listen'?\n",
    )


def test_show_without_a_file_is_what_serve_would_use(aigw):
    code, out, err = aigw("config", "show", "--json", DEEPSEEK_API_KEY="sk-secret")
    assert (code, err) == (0, "")
    assert "sk-secret" not in out
    types = [provider["type"] for provider in json.loads(out)["config"]["plugins"]["ai-proxy"]["providers"]]
    assert types == ["deepseek", "builtin"]


def test_schema(aigw):
    code, out, err = aigw("config", "schema")
    assert (code, err) == (0, "")
    assert "ai-proxy" in json.loads(out)["$defs"]


@pytest.mark.parametrize("command", ["check", "show", "schema"])
def test_help_has_an_example(aigw, command):
    code, out, _ = aigw("config", command, "--help")
    assert code == 0
    assert f"Example: aigw config {command}" in out
