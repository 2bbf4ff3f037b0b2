"""`aigw env`: the lines to paste, so that a client calls the gateway."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from aigw.cli.options import Config, Json, ServedRecipe
from aigw.cli.sources.completion import complete_client
from aigw.cli.sources.config_choice import config_choice
from aigw.cli.terminal.failures import failing
from aigw.cli.terminal.output import USAGE, fail, say_json, say_sentence

if TYPE_CHECKING:
    from aigw.cli.sources.clients import Client
    from aigw.cli.sources.entrance import Entrance


def env(
    client: Annotated[
        str | None,
        typer.Argument(metavar="CLIENT", help="Such as claude-code or codex.", autocompletion=complete_client),
    ] = None,
    shell: Annotated[bool, typer.Option("--shell", help="Only what a shell sets, for eval.")] = False,
    url: Annotated[
        str | None, typer.Option(metavar="URL", help="The address of the gateway, if it is another.")
    ] = None,
    config: Config = None,
    recipe: ServedRecipe = None,
    as_json: Json = False,
) -> None:
    """Print what a client needs to call the gateway.

    Without CLIENT it lists those that it knows. The lines to paste are on stdout, everything else is on stderr. If the
    gateway needs a key, the lines name the variable that has it, or contain KEY in its place. `eval "$(aigw env openai
    --shell)"` sets the variables at once.

    Example: aigw env claude-code
    """
    from aigw.cli.sources.clients import CLIENTS, client_of
    from aigw.cli.sources.entrance import entrance
    from aigw.cli.views.env import data, listing

    choice = config_choice("env", config, recipe)
    with failing("env"):
        found = [client_of(client)] if client is not None else list(CLIENTS)
        place = entrance(choice, url)
    if shell and (client is None or not found[0].variables):
        fail("env", "--shell is for a client that reads variables" + (f"; {client} does not" if client else ""), USAGE)
    if as_json:
        shown = [data(each, place) for each in found]
        say_json(shown[0] if client is not None else shown)
    elif client is None:
        for line in listing(found, place):
            typer.echo(line)
    else:
        _print(found[0], place, shell=shell)


def _print(client: Client, place: Entrance, *, shell: bool) -> None:
    from aigw.cli.views.env import command, exports, filled, remarks

    if client.text and not shell:
        say_sentence(f"{client.title}: into {client.file}:", err=True)
        typer.echo(filled(client.text, place), nl=False)
    if client.variables or client.command:
        if not shell:
            say_sentence(f"{client.title}: in the shell:", err=True)
        for line in [*exports(client, place), *([] if shell else filter(None, [command(client, place)]))]:
            typer.echo(line)
    for remark in remarks(client, place):
        say_sentence(f"({remark})", err=True)
