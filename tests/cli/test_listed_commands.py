"""A group whose commands are loaded when they are called for."""

import typer
from typer.testing import CliRunner

from aigw.cli.command_table import Entry
from aigw.cli.listed_commands import Loaded, listing

ENTRIES = (
    Entry("version", "help:version", "Prints it.", "Words"),
    Entry("config", "config:app", "Looks at it.", "Words"),
    Entry("none", "none:none", "Is not there.", "More"),
    Entry("help", "help:help_of", "Is hidden."),
)
app = typer.Typer(cls=listing(ENTRIES), rich_markup_mode=None, add_completion=False)


@app.callback()
def root() -> None:
    pass


def test_help_loads_none_of_them():
    shown = CliRunner(env={"TERMINAL_WIDTH": "80"}).invoke(app, ["--help"]).output
    parts = shown.partition("exit.\n\n")[2]
    assert parts == "Words:\n  version  Prints it.\n  config   Looks at it.\n\nMore:\n  none     Is not there.\n"


def test_a_command_and_a_group():
    assert CliRunner().invoke(app, ["version"]).exit_code == 0
    assert "check" in CliRunner().invoke(app, ["config"]).output


def test_each_is_loaded_once():
    loaded = Loaded(ENTRIES)
    assert loaded["version"] is loaded["version"]
    assert [*loaded] == ["version", "config", "none", "help"]
    assert loaded.get("other") is None
    assert loaded["help"].hidden
