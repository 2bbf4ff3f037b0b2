"""An option whose value may be missing never takes the next word for it."""

from typing import Annotated

import pytest
import typer
from typer.testing import CliRunner

from aigw.cli.terminal.optional_value import with_optional_value

app = typer.Typer()


@app.command(cls=with_optional_value("--rag"))
def command(
    words: Annotated[list[str] | None, typer.Argument()] = None, rag: Annotated[str | None, typer.Option()] = None
) -> None:
    typer.echo(f"{words} {rag!r}")


@pytest.mark.parametrize(
    ("typed", "printed"),
    [
        (["a"], "['a'] None"),
        (["--rag", "a", "b"], "['a', 'b'] ''"),
        (["a", "--rag"], "['a'] ''"),
        (["--rag=docs", "a"], "['a'] 'docs'"),
        (["--", "--rag"], "['--rag'] None"),
    ],
)
def test_with_and_without_a_value(typed, printed):
    assert CliRunner().invoke(app, typed).stdout == f"{printed}\n"
