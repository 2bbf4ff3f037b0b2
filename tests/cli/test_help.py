"""What `--help` says fits the terminal: no line is longer than 80 columns, and no summary is cut."""

import pytest
from typer.testing import CliRunner

from aigw.cli.main import app

COMMANDS = [
    [], ["serve"], ["init"], ["doctor"], ["top"], ["usage"], ["trace"], ["config"], ["config", "check"],
    ["config", "show"], ["config", "schema"],
]  # fmt: skip


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_help_at_80_columns(command):
    result = CliRunner(env={"COLUMNS": "80", "TERMINAL_WIDTH": "80"}).invoke(app, [*command, "--help"])
    assert result.exit_code == 0
    assert all(len(line) <= 80 for line in result.output.splitlines())
    listed = result.output.partition("Commands:")[2]
    assert "..." not in listed
