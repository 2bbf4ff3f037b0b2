"""`aigw recipes`: lists the configurations that come with aigw, one for each feature."""

from __future__ import annotations

from typing import Annotated

import typer

from aigw.cli.options import Json
from aigw.cli.terminal.said import USAGE, fail, say_json


def recipes(
    name: Annotated[str | None, typer.Argument(metavar="NAME", help="Print this one.")] = None,
    as_json: Json = False,
) -> None:
    """List small configurations to try, or print one.

    Each shows one feature. `aigw serve --recipe NAME` runs one as it is; `aigw recipes NAME > aigw.yaml` makes it your
    own.

    Example: aigw recipes
    """
    from aigw.cli.sources import recipe

    try:
        texts = {each: recipe.text_of(each) for each in ([name] if name else recipe.recipes())}
    except ValueError as error:
        fail("recipes", str(error), USAGE)
    if as_json:
        say_json([{"name": each, "shows": recipe.shows(text), "text": text} for each, text in texts.items()])
    elif name:
        typer.echo(texts[name], nl=False)
    else:
        _print({each: recipe.shows(text) for each, text in texts.items()})


def _print(shown: dict[str, str]) -> None:
    import shutil
    import textwrap

    indent = max(map(len, shown), default=0) + 2
    width = max(shutil.get_terminal_size().columns, indent + 30)
    for name, text in shown.items():
        typer.echo(textwrap.fill(text, width, initial_indent=name.ljust(indent), subsequent_indent=" " * indent))
