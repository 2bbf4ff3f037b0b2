"""`aigw recipes`: lists the configurations that come with aigw, one for each feature."""

from __future__ import annotations

from typing import Annotated

import typer

from aigw.cli.options import Json
from aigw.cli.sources.completion import complete_recipe
from aigw.cli.terminal.output import USAGE, fail, say_json


def recipes(
    name: Annotated[
        str | None, typer.Argument(metavar="NAME", help="Print this one.", autocompletion=complete_recipe)
    ] = None,
    file: Annotated[str | None, typer.Argument(metavar="FILE", help="Print this file that it brings.")] = None,
    as_json: Json = False,
) -> None:
    """List small configurations to try, or print one.

    Each shows one feature. `aigw serve --recipe NAME` runs one as it is; `aigw recipes NAME > aigw.yaml` makes it your
    own. Some bring files: `aigw recipes record-replay agent.py`.

    Example: aigw recipes
    """
    from aigw.cli.sources import recipe

    try:
        if name and file:
            _print_file(name, file, recipe.file_of(name, file), as_json=as_json)
            return
        texts = {each: recipe.text_of(each) for each in ([name] if name else recipe.recipes())}
    except ValueError as error:
        fail("recipes", str(error), USAGE)
    if as_json:
        files = {each: list(recipe.files_of(each)) for each in texts}
        say_json([_as_data(each, recipe.shows(text), text, files[each]) for each, text in texts.items()])
    elif name:
        typer.echo(texts[name], nl=False)
    else:
        _print({each: recipe.shows(text) for each, text in texts.items()})


def _as_data(name: str, shows: str, text: str, files: list[str]) -> dict[str, object]:
    return {"name": name, "shows": shows, "text": text, "files": files}


def _print_file(name: str, file: str, text: str, *, as_json: bool) -> None:
    if as_json:
        say_json({"name": name, "file": file, "text": text})
    else:
        typer.echo(text, nl=False)


def _print(shown: dict[str, str]) -> None:
    import shutil
    import textwrap

    indent = max(map(len, shown), default=0) + 2
    width = max(shutil.get_terminal_size().columns, indent + 30)
    for name, text in shown.items():
        typer.echo(textwrap.fill(text, width, initial_indent=name.ljust(indent), subsequent_indent=" " * indent))
