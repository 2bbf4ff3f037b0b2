"""A group that is a command itself: its first word is a command's name, or the first argument."""

import pytest
import typer
from typer.testing import CliRunner

from aigw.cli.terminal.default_command import with_default
from aigw.cli.terminal.groups import Commands


def greet(name: str = typer.Argument(metavar="NAME"), loud: bool = typer.Option(False, "--loud")) -> None:
    """Greet somebody."""
    typer.echo(f"HELLO {name}" if loud else f"hello {name}")


inner = typer.Typer(cls=with_default(greet), rich_markup_mode=None)
app = typer.Typer(cls=Commands, rich_markup_mode=None)
app.add_typer(inner, name="greet")


@inner.command("all")
def everybody() -> None:
    """Greet all."""
    typer.echo("hello all")


@app.command("other")
def other() -> None:
    """Does nothing."""


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["Ann"], "hello Ann\n"),
        (["--loud", "Ann"], "HELLO Ann\n"),
        (["Ann", "--loud"], "HELLO Ann\n"),
        (["all"], "hello all\n"),
        (["./all"], "hello ./all\n"),
    ],
)
def test_what_is_called(words, said):
    result = CliRunner().invoke(app, ["greet", *words])
    assert (result.exit_code, result.output) == (0, said)


def test_help():
    of_default, of_other = (CliRunner().invoke(app, ["greet", *words, "--help"]).output for words in ([], ["all"]))
    assert "Usage: root greet [OPTIONS] {NAME}" in of_default or "Usage: root greet [OPTIONS] NAME" in of_default
    assert "--loud" in of_default
    assert "completion" not in of_default
    assert "Greet all." in of_other


@pytest.mark.parametrize("words", [[], ["Ann", "--quiet"], ["all", "more"]])
def test_what_is_typed_wrong(words):
    result = CliRunner().invoke(app, ["greet", *words])
    assert result.exit_code == 2
    assert result.stderr.startswith("aigw greet")
