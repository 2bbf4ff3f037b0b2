"""`aigw env`: what is pasted is on stdout and nothing else is; what else to know is on stderr."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
CLEAN = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "PYTHONUTF8": "1", "COLUMNS": "80"}
NOBODY = "127.0.0.1:1"


@pytest.fixture
def aigw(tmp_path, commands):
    """Runs `aigw env` where a configuration has this provider: (exit code, stdout, stderr)."""
    provider = {"type": "qwen", "modelMapping": {"*": "qwen-plus"}, "apiTokens": ["${QWEN_KEY}"]}
    config = {"listen": NOBODY, "plugins": {"ai-proxy": {"provider": provider}}}
    (tmp_path / "aigw.yaml").write_text(json.dumps(config))

    def run(*words):
        done = commands.run("env", *words, cwd=tmp_path, env=CLEAN | {"QWEN_KEY": "sk-secret"})
        assert "sk-secret" not in done.stdout + done.stderr
        return done.returncode, done.stdout, done.stderr

    return run


def test_the_list_fits_and_says_what_to_do_with_others(aigw):
    code, out, _ = aigw()
    lines = out.splitlines()
    assert code == 0
    assert max(map(len, lines)) <= 80
    assert lines[2] == "claude-code   Claude Code"
    assert lines[-2:] == [
        "Any other client: base URL http://127.0.0.1:1/v1, key unused.",
        "aigw env CLIENT prints the lines to paste.",
    ]


def test_a_client_that_reads_variables(aigw):
    code, out, errors = aigw("claude")
    assert (code, out.splitlines()) == (
        0,
        [
            "export ANTHROPIC_BASE_URL=http://127.0.0.1:1",
            "export ANTHROPIC_AUTH_TOKEN=unused",
            "export CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC=1",
            "claude",
        ],
    )
    assert errors.splitlines()[-1] == "(nothing answers at http://127.0.0.1:1 yet: `aigw serve`)"


def test_a_client_that_reads_a_file_gets_the_best_model(aigw):
    code, out, errors = aigw("continue")
    assert code == 0
    assert '    model: "qwen-plus"\n    apiBase: "http://127.0.0.1:1/v1"\n    apiKey: "unused"\n' in out
    assert errors.splitlines()[0] == "Continue: into ~/.continue/config.yaml:"


def test_a_shell_takes_what_is_for_it(aigw, tmp_path):
    _, out, _ = aigw("codex", "--shell")
    assert out == "export AIGW_KEY=unused\n"
    keyed = {"key-auth": {"keys": ["authorization"], "consumers": [{"name": "ann", "credential": "${ANN_KEY}"}]}}
    config = json.loads((tmp_path / "aigw.yaml").read_text())
    config["plugins"] |= keyed
    (tmp_path / "aigw.yaml").write_text(json.dumps(config))
    environment = CLEAN | {"ANN_KEY": "it's"}
    script = 'eval "$(python -m aigw env openai --shell 2>/dev/null)"; echo "$OPENAI_API_KEY $OPENAI_BASE_URL"'
    python = str(Path(sys.executable).parent)
    done = subprocess.run(
        ["sh", "-c", script],
        cwd=tmp_path,
        env=environment | {"QWEN_KEY": "sk", "PATH": f"{python}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.stdout == "it's http://127.0.0.1:1/v1\n"


def test_a_key_that_the_client_shows_elsewhere_is_told(aigw, tmp_path):
    keyed = {"keys": ["x-team"], "consumers": [{"name": "ann", "credential": "sk-secret"}]}
    config = json.loads((tmp_path / "aigw.yaml").read_text())
    config["plugins"] = {"key-auth": keyed, **config["plugins"]}
    (tmp_path / "aigw.yaml").write_text(json.dumps(config))
    _, out, errors = aigw("gemini")
    assert "export GEMINI_API_KEY=KEY\n" in out
    assert "Gemini CLI sends its key in x-goog-api-key, and key-auth looks for it in x-team: add it to `keys`" in errors


def test_for_programs(aigw):
    found = json.loads(aigw("--json")[1])
    assert len(found) == 24
    one = json.loads(aigw("codex", "--json")[1])
    assert one == next(each for each in found if each["client"] == "codex")
    assert one["variables"] == {"AIGW_KEY": "unused"}
    assert 'base_url = "http://127.0.0.1:1/v1"' in one["text"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["cluade"], "aigw env: there is no client 'cluade'; did you mean 'claude'?\n"),
        (["continue", "--shell"], "aigw env: --shell is for a client that reads variables; continue does not\n"),
        (["--shell"], "aigw env: --shell is for a client that reads variables\n"),
        (["--config", "no.yaml"], "aigw env: no.yaml: there is no such file; `aigw init` writes one\n"),
        (["--url", "http://127.0.0.1:1"], "aigw env: there is no aigw at http://127.0.0.1:1 that shows "),
        (["--url", "nonsense:x"], "aigw env: there is no aigw at nonsense:x that shows "),
    ],
)
def test_what_is_wrong_is_said(aigw, words, said):
    code, out, errors = aigw(*words)
    assert (code, out) == (2, "")
    assert errors.startswith(said)


def test_the_keys_of_providers_need_not_be_there(tmp_path, commands):
    """They are in the shell that runs `aigw serve`."""
    (tmp_path / "aigw.yaml").write_text(
        'listen: "${PLACE:-127.0.0.1:1}"\n'
        "plugins:\n  ai-cache: {cache: {type: redis, serviceName: redis.static}}\n"
        '  ai-proxy: {provider: {type: qwen, apiTokens: ["${QWEN_KEY}"], modelMapping: {"*": qwen-plus}}}\n'
    )
    for words in (("env", "claude"), ("models",), ("cache", "ls"), ("guard", "rules")):
        done = commands.run(*words, cwd=tmp_path, env=CLEAN)
        assert (done.returncode, "QWEN_KEY" in done.stderr) == (0, False), (words, done.stderr)
    done = commands.run("models", "--live", cwd=tmp_path, env=CLEAN)
    assert (done.returncode, "QWEN_KEY" in done.stderr) == (2, True)
    (tmp_path / "aigw.yaml").write_text('listen: "127.0.0.1:${PORT}"\n')
    done = commands.run("env", "claude", cwd=tmp_path, env=CLEAN)
    assert (done.returncode, "PORT" in done.stderr) == (2, True)
