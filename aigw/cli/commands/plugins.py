"""`aigw plugins`: what the plugins do, and what their keys mean."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

import typer

from aigw.cli.options import Json
from aigw.cli.sources.completion import complete_plugin
from aigw.cli.terminal.output import USAGE, fail, say_json


def plugins(
    name: Annotated[
        str | None,
        typer.Argument(metavar="NAME", help="Show everything about this one.", autocompletion=complete_plugin),
    ] = None,
    as_json: Json = False,
    as_markdown: Annotated[bool, typer.Option("--markdown", help="Markdown, for a web page or a wiki.")] = False,
) -> None:
    """List the plugins, or show what one does and all of its keys.

    Keys stand with their type, default and meaning, as `aigw config check` takes them; then comes where `safe` differs
    from `fidelity: higress`, and a recipe.

    Example: aigw plugins ai-cache
    """
    if as_json and as_markdown:
        fail("plugins", "choose one of --json and --markdown", USAGE)
    import shutil

    from aigw.cli.sources.plugins import all_plugins, one_plugin
    from aigw.cli.views.plugins import data, listing, markdown, page

    try:
        found = [one_plugin(name)] if name else all_plugins()
    except ValueError as error:
        fail("plugins", str(error), USAGE)
    width = max(shutil.get_terminal_size().columns, 60)
    if as_json:
        shown = [data(each) for each in found]
        say_json(shown[0] if name else shown)
        return
    if as_markdown:
        lines: Iterator[str] = (line for each in found for line in markdown(each))
    else:
        lines = page(found[0], width) if name else listing(found, width)
    for line in lines:
        typer.echo(line)
