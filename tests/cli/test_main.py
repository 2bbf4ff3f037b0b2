"""What `--help` says fits the terminal: no line is longer than 80 columns, and no summary is cut. Ctrl-C is quiet."""

import json
import os
import subprocess
import sys
from contextlib import chdir
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

import aigw
from aigw.cli.main import app

COMMANDS = [
    [], ["chat"], ["ask"], ["serve"], ["status"], ["stop"], ["run"], ["init"], ["env"], ["models"], ["recipes"], ["doctor"], ["logs"], ["top"], ["usage"], ["trace"], ["config"], ["config", "check"],
    ["config", "show"], ["config", "keys"], ["config", "schema"], ["plugins"], ["budget"], ["cache"], ["template"],
    ["template", "list"], ["template", "show"], ["template", "render"], ["template", "send"], ["rag"], ["rag", "ingest"],
    ["rag", "query"], ["rag", "ls"], ["rag", "show"], ["rag", "rm"], ["rag", "stats"], ["rag", "export"], ["rag", "import"],
    ["rag", "eval"], ["rag", "explain"], ["rag", "reindex"], ["rag", "repair"],
    ["replay"], ["replay", "lint"], ["diff"], ["what-if"], ["traffic"], ["traffic", "ls"], ["traffic", "show"],
    ["traffic", "prune"], ["traffic", "redact"], ["traffic", "export"], ["guard"], ["guard", "test"], ["guard", "rules"],
]  # fmt: skip


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_help_at_80_columns(command):
    result = CliRunner(env={"COLUMNS": "80", "TERMINAL_WIDTH": "80"}).invoke(app, [*command, "--help"])
    assert result.exit_code == 0
    assert all(len(line) <= 80 for line in result.output.splitlines())
    listed = result.output.partition("  -h, --help")[2]
    assert "..." not in listed


def test_commands_stand_under_headings_by_what_they_are_for():
    output = CliRunner(env={"TERMINAL_WIDTH": "80"}).invoke(app, ["--help"]).output
    parts = output.partition("Run it:\n")[2].split("\n\n")
    assert [[line.split()[0] for line in part.splitlines()] for part in parts[:4]] == [
        ["serve", "status", "stop", "run", "init", "env", "recipes"],
        ["Ask", "chat", "ask", "template", "rag"],
        ["See", "logs", "top", "usage", "trace", "diff", "what-if", "cache", "budget", "replay", "traffic"],
        ["Configure", "transform", "models", "plugins", "doctor", "guard", "higress", "config"],
    ]
    assert "Commands:" not in output


def run(*words):
    result = CliRunner(env={"TERMINAL_WIDTH": "80"}).invoke(app, [*words])
    return result.exit_code, result.output


def test_what_people_try_first():
    from aigw import __version__

    assert {run(*words) for words in (["version"], ["-V"], ["--version"])} == {(0, f"aigw {__version__}\n")}
    assert run("help") == run("--help")
    for words in (["serve"], ["cache", "ls"], ["config"]):
        code, said = run("help", *words)
        assert (code, said.splitlines()) == (0, run(*words, "--help")[1].splitlines())


def test_the_version_for_programs():
    from aigw import __version__

    assert run("version", "--json") == (0, f'{{"version": "{__version__}"}}\n')


def commands(group, *path):
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from commands(command, *path, name)
        else:
            yield " ".join((*path, name)), command


PEOPLE = {"chat", "help"}
"""What only people read."""
JSON_ALONE = {"config schema", "traffic export"}
"""What writes nothing else."""


def test_every_command_speaks_to_programs():
    found = dict(commands(typer.main.get_command(app)))
    silent = {name for name, each in found.items() if not any("--json" in option.opts for option in each.params)}
    assert silent == PEOPLE | JSON_ALONE


PRINTED = [
    ["version"], ["init"], ["env"], ["env", "codex"], ["models"], ["recipes"], ["plugins"], ["plugins", "ai-cache"], ["doctor"], ["config", "keys"],
    ["config", "check"], ["config", "show"], ["usage"], ["top"], ["cache", "ls", "--recipe", "ai-cache"],
    ["cache", "stats", "--recipe", "ai-cache"], ["cache", "clear", "--recipe", "ai-cache"],
    ["budget", "status", "--recipe", "budget"], ["template", "list", "--recipe", "ai-prompt-template"],
    ["template", "show", "developer-chat", "--recipe", "ai-prompt-template"],
]  # fmt: skip


@pytest.mark.parametrize("words", PRINTED, ids=" ".join)
def test_json_is_one_line_in_a_pipe(words, tmp_path):
    with chdir(tmp_path):
        result = CliRunner().invoke(app, [*words, "--json"])
    (line,) = result.stdout.splitlines()
    assert json.loads(line) is not None


STARTED = [
    ["init"], ["recipes"], ["plugins"], ["config", "show"], ["usage"], ["top", "--once"], ["cache", "ls", "--recipe", "ai-cache"],
    ["budget", "status", "--recipe", "budget"], ["template", "list", "--recipe", "ai-prompt-template"],
]  # fmt: skip


@pytest.mark.parametrize("words", STARTED, ids=" ".join)
def test_a_command_imports_what_it_needs(words, tmp_path):
    """In a process that has imported nothing before, as a user starts it."""
    env = {"PATH": os.environ["PATH"], "PYTHONPATH": str(Path(aigw.__file__).parents[1]), "OLLAMA_HOST": "127.0.0.1:9"}
    command = [sys.executable, "-m", "aigw", *words]
    done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr, done.stdout != "") == (0, "", True)


@pytest.mark.parametrize("words", [["nothing"], ["cache", "nothing"], ["serve", "nothing"]])
def test_help_of_what_is_none(words):
    code, said = run("help", *words)
    assert (code, said.startswith(f"aigw help: there is no command {' '.join(words)!r}")) == (2, True)


@pytest.mark.parametrize(
    ("module", "words"), [("typer", ["--help"]), ("msgspec", ["plugins"]), ("httptools", ["serve"])]
)
def test_ctrl_c_while_it_loads_a_module(module, words, tmp_path):
    (tmp_path / f"{module}.py").write_text("import os, signal\nos.kill(os.getpid(), signal.SIGINT)\n")
    env = {**os.environ, "PYTHONPATH": str(Path(aigw.__file__).parents[1])}
    done = subprocess.run(
        [sys.executable, "-m", "aigw", *words], cwd=tmp_path, env=env, capture_output=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (130, b"", b"")


def in_shell(script, folder):
    env = {**os.environ, "PYTHONPATH": str(Path(aigw.__file__).parents[1]), "AIGW": f"{sys.executable} -m aigw"}
    done = subprocess.run(["/bin/sh", "-c", script], cwd=folder, env=env, capture_output=True, text=True, timeout=60)
    return done.returncode, done.stdout, done.stderr


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
@pytest.mark.parametrize("words", ["--help", "config schema", "env --json"])
def test_the_output_cannot_be_written(words, tmp_path):
    said = "aigw: the output cannot be written: No space left on device\n"
    assert in_shell(f"$AIGW {words} > /dev/full", tmp_path) == (1, "", said)


def test_standard_files_that_are_closed(tmp_path):
    assert in_shell("$AIGW config keys >&- <&-", tmp_path) == (0, "", "")
    assert in_shell("$AIGW config keys --recipe nothing 2>&-", tmp_path)[0] == 2


def test_the_current_folder_was_removed(tmp_path):
    code, _, err = in_shell("mkdir gone; cd gone; rmdir ../gone; $AIGW usage", tmp_path)
    assert (code, err) == (1, "aigw: the current folder was removed; change to one that is there\n")
