"""`aigw transform`: tries rules and prompts of ai-transformer on one HTTP message.

Rule: in a pipe, the message is on stdout as it would be sent, and why it is unchanged on stderr."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from aigw.cli.options import Config, Json, Recipe
from aigw.cli.sources.completion import complete_model, complete_route
from aigw.cli.sources.config_choice import config_choice
from aigw.cli.terminal.output import FAILURE, USAGE, fail, say_json, say_sentence


def transform(
    file: Annotated[Path | None, typer.Argument(metavar="FILE", help="The message; default: stdin.")] = None,
    rules: Annotated[
        str, typer.Option("--rules", metavar="YAML", help="Rules, as under `rules:` of ai-transformer.")
    ] = "",
    prompt: Annotated[
        str, typer.Option("--prompt", metavar="TEXT", help="What a model shall do, after the rules.")
    ] = "",
    response: Annotated[
        bool, typer.Option("--response", help="It is an answer, though no first line or :status says so.")
    ] = False,
    route: Annotated[
        str, typer.Option("--route", metavar="NAME", help="The route that is asked.", autocompletion=complete_route)
    ] = "",
    model: Annotated[
        str, typer.Option("--model", metavar="NAME", help="The model that is asked.", autocompletion=complete_model)
    ] = "",
    config: Config = None,
    recipe: Recipe = None,
    as_json: Json = False,
) -> None:
    """Try rules or a prompt of ai-transformer on a message.

    It is an HTTP message, as `curl -i` prints it, or only a body. Without --rules and --prompt, it is transformed as
    the configuration says for requests or answers. A model is asked through a gateway with this configuration, which is
    started here. The exit status is 1 if the message stays as it is, because it cannot be transformed.

    Example: aigw transform --rules '[xmlToJson]' --response < message.http
    """
    import logging

    from aigw.cli.sources.transform import TransformOptions, message_in, transformed
    from aigw.cli.views.transform import data, print_message
    from aigw.core.errors import ConfigError
    from aigw.plugins.ai_transformer.http_text import NotHttpError

    logging.basicConfig(level=logging.ERROR, format="%(message)s")
    choice = config_choice("transform", config, recipe)
    try:
        message = message_in(_read(file), rules, response=response)
        told = transformed(message, TransformOptions(rules, prompt, route, model, choice))
    except NotHttpError as error:
        fail("transform", f"{file or 'stdin'} is no HTTP message: {error}", USAGE)
    except ConfigError as error:
        fail("transform", error.findings, USAGE)
    if as_json:
        say_json(data(told))
    else:
        print_message(told.message)
    if told.note:
        say_sentence(f"aigw transform: note: {told.note}", err=True)
    if told.reason:
        say_sentence(f"aigw transform: unchanged: {told.reason}", err=True)
        raise typer.Exit(FAILURE)


def _read(file: Path | None) -> bytes:
    import sys

    if file is None or str(file) == "-":
        if sys.stdin.isatty():
            fail("transform", "there is no message: name a FILE, or write `aigw transform < FILE`", USAGE)
        return sys.stdin.buffer.read()
    try:
        return file.read_bytes()
    except OSError as error:
        fail("transform", f"{file} cannot be read: {error.strerror or error}", USAGE)
