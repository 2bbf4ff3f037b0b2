"""What the help says of a command is what the command says of itself, and only the command that is called is loaded."""

import subprocess
import sys

import pytest
import typer

from aigw.cli.command_table import COMMANDS
from aigw.cli.main import app

GROUP = typer.main.get_command(app)


@pytest.mark.parametrize("entry", COMMANDS, ids=lambda entry: entry.name)
def test_the_summary_is_the_commands_own(entry):
    command = GROUP.commands[entry.name]
    assert entry.summary == command.get_short_help_str(200)
    assert (command.name, command.hidden) == (entry.name, not entry.heading)


LOADED = """
import contextlib, sys, aigw.cli.main
with contextlib.suppress(SystemExit):
    aigw.cli.main.app({words!r})
print(*sorted(each for each in sys.modules if each.startswith("aigw.cli.commands.") or each == "pydantic"))
"""


@pytest.mark.parametrize(
    ("words", "modules"), [(["--help"], ""), (["--version"], "help"), (["serve", "-p", "x"], "serve pydantic")]
)
def test_a_command_does_not_wait_for_others(words, modules):
    done = subprocess.run(
        [sys.executable, "-c", LOADED.format(words=words)], capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[-1].replace("aigw.cli.commands.", "") == modules


def test_a_valid_value_needs_no_pydantic(tmp_path):
    words = ["serve", "-p", "1", "--log-format", "json", "--config", str(tmp_path / "none"), "--grace", "0.5"]
    done = subprocess.run(
        [sys.executable, "-c", LOADED.format(words=words)], capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[-1] == "aigw.cli.commands.serve"
