"""`aigw models`: what clients can ask for, by provider."""

from __future__ import annotations

from typing import Annotated

import typer

from aigw.cli.options import Config, Json, ServedRecipe
from aigw.cli.sources.completion import complete_provider
from aigw.cli.sources.config_choice import config_choice
from aigw.cli.terminal.failures import failing
from aigw.cli.terminal.output import USAGE, fail, say_json, say_sentence


def models(
    provider: Annotated[
        str | None, typer.Option(metavar="NAME", help="All models of this one only.", autocompletion=complete_provider)
    ] = None,
    live: Annotated[bool, typer.Option("--live", help="Ask the providers for their lists.")] = False,
    url: Annotated[str | None, typer.Option(metavar="URL", help="Those of the gateway that runs there.")] = None,
    config: Config = None,
    recipe: ServedRecipe = None,
    as_json: Json = False,
) -> None:
    """List the models to ask for, with their prices.

    They are the models that the configuration names, and those of its providers in the installed price list; for
    several providers, only some of each are shown. Without a configuration they are those of the keys in the
    environment. Without --live, nothing is requested over the network.

    Example: aigw models --provider openai
    """
    import asyncio
    import os
    import shutil

    from aigw.cli.sources.config_in_force import in_force
    from aigw.cli.sources.configuration import as_served
    from aigw.cli.sources.models import models_of
    from aigw.cli.views.models import data, tables

    if live and url is not None:
        fail("models", "choose one of --live and --url: a gateway shows no keys with which to ask", USAGE)
    choice = config_choice("models", config, recipe)
    with failing("models"):
        loaded = asyncio.run(as_served(choice, os.environ)) if live else in_force(choice, url, calls=False)
        found = asyncio.run(models_of(loaded, os.environ, provider, live=live))
    if as_json:
        say_json(data(found))
        return
    for line in tables(found, max(shutil.get_terminal_size().columns, 60), whole=provider is not None):
        typer.echo(line)
    if not found:
        say_sentence("There is no provider: `aigw init` writes a configuration that has one.")
