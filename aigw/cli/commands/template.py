"""`aigw template list|show|render|send`: the templates of ai-prompt-template, what becomes of them, and the answers.

Rule: in a pipe, what was asked for is on stdout, and everything about it on stderr."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from aigw.cli.options import Config, Json, Recipe
from aigw.cli.sources.completion import complete_model, complete_name, complete_property, complete_route
from aigw.cli.sources.config_choice import config_choice
from aigw.cli.terminal.output import USAGE, fail, say_json, say_sentence, say_text

if TYPE_CHECKING:
    from aigw.cli.sources.templates import FoundTemplate, TemplateCall
    from aigw.config.load import Loaded

app = typer.Typer(
    help="Look at the templates of prompts, fill them and send them.",
    epilog="Example: aigw template render developer-chat --set language=python --set program=sort",
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    rich_markup_mode=None,
)

Name = Annotated[str, typer.Argument(metavar="NAME", help="The template.", autocompletion=complete_name)]
Set = Annotated[
    list[str] | None,
    typer.Option(
        "--set", "-p", metavar="NAME=VALUE", help="A property, as text; repeatable.", autocompletion=complete_property
    ),
]
Props = Annotated[
    Path | None, typer.Option("--props", metavar="FILE", help="A JSON object with properties, - for stdin.")
]
Route = Annotated[
    str | None,
    typer.Option("--route", metavar="NAME", help="The route, if several have it.", autocompletion=complete_route),
]
Model = Annotated[
    str,
    typer.Option("--model", metavar="NAME", help="Another model than the template's.", autocompletion=complete_model),
]
PathOption = Annotated[
    str, typer.Option("--path", metavar="PATH", help="Where it is sent; default: what the template looks like.")
]


@app.command("list", epilog="Example: aigw template list --recipe ai-prompt-template")
def list_(route: Route = None, config: Config = None, recipe: Recipe = None, as_json: Json = False) -> None:
    """List the templates, with their properties, models and routes."""
    from aigw.cli.sources.templates import all_templates
    from aigw.cli.views.template import data, listing

    loaded = _loaded(config, recipe)
    if route is not None and route not in {each.name for each in loaded.config.routes}:
        fail("template", f"there is no route {route!r}", USAGE)
    found = [each for each in all_templates(loaded) if route is None or route in each.routes]
    if as_json:
        say_json([data(each) for each in found])
        return
    for line in listing(found):
        say_text(line)


@app.command("show", epilog="Example: aigw template show developer-chat")
def show(name: Name, route: Route = None, config: Config = None, recipe: Recipe = None, as_json: Json = False) -> None:
    """Print a template as it is configured."""
    from aigw.cli.views.template import data, facts_of, print_json

    found = _find(_loaded(config, recipe), name, route)
    if as_json:
        say_json({**data(found), "template": found.template.fields})
        return
    print_json(found.template.fields)
    _say_beside(facts_of(found))


@app.command("render", epilog="Example: aigw template render developer-chat --set language=python --set program=sort")
def render(
    name: Name,
    values: Set = None,
    props: Props = None,
    model: Model = "",
    route: Route = None,
    path: PathOption = "",
    curl: Annotated[bool, typer.Option("--curl", help="Print the call that a client makes.")] = False,
    config: Config = None,
    recipe: Recipe = None,
    as_json: Json = False,
) -> None:
    """Print the request that would go to the provider.

    It passes the plugins of its route, so that it is decorated and its model is mapped, but it is not sent. On a
    terminal, properties that are missing are asked for. The tokens and their price are those of the prompt alone."""
    import asyncio
    import os

    from aigw.cli.sources.template_render import RefusedError
    from aigw.cli.sources.template_render import render as rendered
    from aigw.cli.views.template import beside, plain_rendered, print_body
    from aigw.core.errors import ConfigError

    loaded, call = _asked(name, values, props, model, route, path, config, recipe)
    if curl:
        from aigw.cli.views.template import curl as command

        say_json({"curl": command(loaded, call)}) if as_json else say_text(command(loaded, call))
        return
    try:
        found = asyncio.run(rendered(loaded, call, os.environ))
    except RefusedError as error:
        fail("template", str(error))
    except ConfigError as error:
        fail("template", error.findings, USAGE)
    if as_json:
        say_json({"template": name, **plain_rendered(found)})
        return
    print_body(found.body)
    _say_beside(beside(found))


@app.command("send", epilog="Example: aigw template send developer-chat --set language=python --set program=sort")
def send(
    name: Name,
    values: Set = None,
    props: Props = None,
    model: Model = "",
    route: Route = None,
    path: PathOption = "",
    url: Annotated[str, typer.Option(metavar="URL", help="Another gateway than the one of this configuration.")] = "",
    key: Annotated[
        str, typer.Option(metavar="KEY", envvar="AIGW_KEY", help="The key that this gateway asks for.")
    ] = "",
    config: Config = None,
    recipe: Recipe = None,
    as_json: Json = False,
) -> None:
    """Send a filled template and print the answer as it is written.

    It goes through the gateway that runs with this configuration or, if none runs, through one that is started for
    it."""
    from aigw.cli.sources.template_send import SendError, sent
    from aigw.cli.terminal.streamed_text import Written

    loaded, call = _asked(name, values, props, model, route, path, config, recipe)
    written = Written()
    try:
        told = sent(loaded, call, url=url or "", key=key or "", say=None if as_json else written.add)
    except SendError as error:
        written.end()
        fail("template", error.lines)
    if as_json:
        say_json(told.answer)
        return
    written.end()
    _say_beside(told.facts)


def _say_beside(lines: list[str]) -> None:
    """Prints what is told about the output: below it on a terminal, on stderr in a pipe."""
    import sys

    for line in lines:
        say_sentence(line, err=not sys.stdout.isatty())


def _loaded(config: Path | None, recipe: str | None) -> Loaded:
    import logging

    from aigw.cli.sources.configuration import configured
    from aigw.core.errors import ConfigError

    choice = config_choice("template", config, recipe)
    logging.basicConfig(level=logging.ERROR, format="%(message)s")
    try:
        return configured(choice)
    except ConfigError as error:
        fail("template", error.findings, USAGE)


def _find(loaded: Loaded, name: str, route: str | None) -> FoundTemplate:
    from aigw.cli.sources.templates import find

    try:
        return find(loaded, name, route)
    except ValueError as error:
        fail("template", str(error), USAGE)


def _asked(
    name: str,
    values: list[str] | None,
    props: Path | None,
    model: str,
    route: str | None,
    path: str,
    config: Path | None,
    recipe: str | None,
) -> tuple[Loaded, TemplateCall]:
    """The request that is asked for. Fails if something is missing that cannot be asked for."""
    from aigw.cli.sources.templates import ask

    loaded = _loaded(config, recipe)
    found = _find(loaded, name, route)
    given = _properties(found, values or [], props)
    try:
        return loaded, ask(loaded, found, given, model=model, path=path)
    except ValueError as error:
        fail("template", str(error), USAGE)


def _properties(found: FoundTemplate, values: list[str], props: Path | None) -> dict[str, Any]:
    """The properties of the file, of the options, and those that the user types."""
    import sys

    from aigw.config.report import suggest

    given = _read(props) if props is not None else {}
    for each in values:
        name, equals, value = each.partition("=")
        if not equals:
            fail("template", f"--set {each!r} must look like NAME=VALUE", USAGE)
        if name not in found.template.properties:
            hint = suggest(name, found.template.properties) or "; it has none"
            fail("template", f"--set {name}: the template {found.name!r} has no such property{hint}", USAGE)
        given[name] = value
    if sys.stdin.isatty() and str(props) != "-":
        for name in found.template.missing(given):
            given[name] = _prompted(name)
    return given


def _prompted(name: str) -> str:
    """Asks the user for a value. Ctrl-C and Ctrl-D end the command as Ctrl-C ends any other."""
    try:
        return str(typer.prompt(name, err=True))
    except typer.Abort:
        raise KeyboardInterrupt from None


def _read(path: Path) -> dict[str, Any]:
    import json
    import sys

    name = "stdin" if str(path) == "-" else str(path)
    try:
        value = json.loads(sys.stdin.buffer.read() if str(path) == "-" else path.read_bytes())
    except OSError as error:
        fail("template", f"--props {name} cannot be read: {error.strerror or error}", USAGE)
    except (ValueError, RecursionError) as error:
        fail("template", f"--props {name} is no JSON: {error}", USAGE)
    if not isinstance(value, dict):
        fail("template", f"--props {name} must be a JSON object with the properties", USAGE)
    return value
