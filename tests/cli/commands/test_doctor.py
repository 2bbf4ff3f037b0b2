"""`aigw doctor` as a user starts it. The findings have their tests in tests/cli/doctor."""

import json
from pathlib import Path

import pytest

import aigw
from aigw.cli.commands.doctor import WIDTH, render
from aigw.cli.doctor.check import Check

CLEAN = {"PATH": "/usr/bin:/bin", "PYTHONPATH": str(Path(aigw.__file__).parents[1])}
CONFIG = "listen: 127.0.0.1:{port}\nplugins:\n  ai-proxy:\n    provider: {{type: openai, apiTokens: ['{token}']}}\n"


@pytest.fixture
def doctor(tmp_path, commands):
    """Runs the command in an empty folder: (exit code, output)."""

    def run(*words, **env):
        done = commands.run("doctor", *words, cwd=tmp_path, env=CLEAN | {"HOME": str(tmp_path)} | env)
        assert done.stderr == ""
        return done.returncode, done.stdout

    return run


def test_a_machine_without_faults(doctor, tmp_path):
    (tmp_path / "aigw.yaml").write_text(CONFIG.format(port=0, token="sk-fine-0123"))
    code, out = doctor()
    assert code == 0
    assert "problem" not in out
    assert "aigw.yaml is right; plugins: ai-proxy" in out
    assert "sk-fine" not in out
    assert max(map(len, out.splitlines())) <= WIDTH


def test_problems_are_told_with_their_remedies_and_an_exit_code(doctor, tmp_path):
    (tmp_path / "aigw.yaml").write_text("listn: 1\nmax_body: x\n")
    code, out = doctor()
    assert code == 1
    lines = out.splitlines()
    assert lines[0] == "problem  configuration  aigw.yaml:1: unknown key 'listn'; did you mean 'listen'?"
    assert lines[1].strip() == "-> correct it, then: aigw config check"
    assert "aigw.yaml:2 max_body" in lines[2]
    assert max(map(len, lines)) <= WIDTH


def test_for_programs(doctor):
    code, out = doctor("--json", OPENAI_API_KEY="sk-...", HTTPS_PROXY="http://me:secret@proxy:1")
    document = json.loads(out)
    assert (code, document["ok"]) == (1, False)
    (key,) = [check for check in document["checks"] if check["name"] == "keys"]
    assert key == {
        "name": "keys",
        "level": "problem",
        "message": "OPENAI_API_KEY is a placeholder",
        "remedy": "set it again, as the provider shows it",
    }
    assert "secret" not in out


def test_an_env_file_without_a_configuration_is_told(doctor, tmp_path):
    (tmp_path / ".env").write_text("OPENAI_API_KEY=sk-1\n")
    code, out = doctor()
    assert code == 0
    assert ".env is read only beside a configuration file" in out


def test_help_has_an_example(doctor):
    assert "Example: aigw doctor" in doctor("--help")[1]


def test_long_lines_go_on_below():
    text = render(Check("name", "note", "word " * 40, "do " * 40))
    assert max(map(len, text.splitlines())) <= WIDTH
    assert text.count("-> ") == 1
