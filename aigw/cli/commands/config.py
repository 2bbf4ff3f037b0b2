"""`aigw config check|show|keys|schema`: checks and shows a configuration without starting anything."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from aigw.cli.default_file import DEFAULT_FILE
from aigw.cli.options import Config, Json, ServedRecipe
from aigw.cli.sources.config_choice import config_choice
from aigw.cli.terminal.groups import Commands
from aigw.cli.terminal.output import USAGE, fail, say_json, say_sentence, say_text, width

if TYPE_CHECKING:
    from aigw.config.load import Loaded
    from aigw.config.report import Finding, Report


app = typer.Typer(
    cls=Commands,
    help="Check and look at the configuration.",
    epilog="Example: aigw config check",
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    rich_markup_mode=None,
)


@app.command("check", epilog="Example: aigw config check --config aigw.yaml")
def check(config: Config = None, recipe: ServedRecipe = None, as_json: Json = False) -> None:
    """Name every mistake with its line. Exit code 0: no mistake, 2: mistakes, or no file."""
    import os

    from aigw.cli.sources.configuration import examined

    choice = config_choice("config check", config, recipe)
    if choice.recipe is None and not (path := choice.file or DEFAULT_FILE).exists():
        _say_missing(path, as_json=as_json)
        raise typer.Exit(USAGE)
    loaded, report = examined(choice, os.environ)
    if loaded is not None:
        _note_what_serve_says(loaded, report)
    if as_json:
        findings = {"errors": _plain(report, report.errors), "notes": _plain(report, report.notes)}
        say_json({"file": report.name, "ok": loaded is not None, **findings})
    else:
        for line in report.format_all(report.errors):
            say_sentence(line)
        for line in report.format_all(report.notes):
            say_sentence(f"note: {line}")
        say_sentence(f"{report.name}: {_summary(loaded, report)}")
    if loaded is None:
        raise typer.Exit(USAGE)


@app.command("show", epilog="Example: aigw config show --json")
def show(
    config: Config = None,
    recipe: ServedRecipe = None,
    everything: Annotated[bool, typer.Option("--all", help="Defaults, too.")] = False,
    as_json: Json = False,
) -> None:
    """Print what is in force, and where each value comes from.

    Below it is the order of the plugins on each route. Without a file it shows what `aigw serve` would use.
    Secrets are printed as ***, and defaults only with --all."""
    import asyncio
    import os

    from aigw.cli.sources.configuration import as_served
    from aigw.config.effective import data, effective, given, render
    from aigw.core.errors import ConfigError

    choice = config_choice("config show", config, recipe)
    try:
        shown = effective(asyncio.run(as_served(choice, os.environ)))
    except ConfigError as error:
        fail("config show", error.findings, USAGE)
    shown = shown if everything else given(shown)
    say_json(data(shown)) if as_json else say_text(render(shown, width()))


@app.command("keys", epilog="Example: aigw config keys")
def keys(as_json: Json = False) -> None:
    """List the keys of aigw.yaml, and what they mean.

    `aigw plugins NAME` lists the keys of a plugin."""
    import shutil

    from aigw.cli.views.config_keys import lines
    from aigw.config.model import GatewayConfig
    from aigw.config.reference import keys as keys_of

    found = keys_of(GatewayConfig)
    if as_json:
        say_json([key._asdict() for key in found])
        return
    for line in lines(found, max(shutil.get_terminal_size().columns, 60)):
        typer.echo(line)  # ours, with bold names


@app.command("schema", epilog="Example: aigw config schema > aigw.schema.json")
def schema() -> None:
    """Print a JSON Schema of the configuration, for editors.

    Editors complete and check with it. They find it by this first line of aigw.yaml:

    # yaml-language-server: $schema=aigw.schema.json"""
    from aigw.config.plugins import find_plugin, installed_plugins
    from aigw.config.schema import schema as write_schema

    found = {name: about for name in installed_plugins() if (about := find_plugin(name)) is not None}
    say_json(write_schema(found))


def _say_missing(path: Path, *, as_json: bool) -> None:
    """Says that there is no file, and what is served without one, if it is the file that `aigw serve` looks for."""
    writes = "`aigw init` writes one" if path == DEFAULT_FILE else f"`aigw init {path}` writes one"
    message = f"there is no such file; {writes}"
    notes = _without_a_file() if path == DEFAULT_FILE else []
    if as_json:
        error = {"line": 0, "path": "", "message": message, "text": f"{path}: {message}"}
        said = [{"line": 0, "path": "", "message": note, "text": note} for note in notes]
        say_json({"file": str(path), "ok": False, "errors": [error], "notes": said})
        return
    say_sentence(f"{path}: {message}")
    for note in notes:
        say_sentence(f"note: {note}")


def _without_a_file() -> list[str]:
    """Says what `aigw serve` would use here, and which variables of the environment it would not use."""
    import asyncio
    import os

    from aigw.cli.sources.config_choice import ConfigChoice
    from aigw.cli.sources.configuration import as_served
    from aigw.config.automatic import BUILTIN
    from aigw.server.first_call import described

    loaded = asyncio.run(as_served(ConfigChoice(), os.environ))
    names = dict.fromkeys(name for each in described(loaded) for name in each.providers)
    found = ", ".join("the built-in models" if name == BUILTIN else name for name in names)
    return [f"without a file `aigw serve` uses what it finds in the environment: {found}", *loaded.notes]


def _note_what_serve_says(loaded: Loaded, report: Report) -> None:
    """Notes what `aigw serve` finds wrong with a right file."""
    from aigw.config.services import parse_listen
    from aigw.core.errors import ConfigError
    from aigw.server.protection import check_address, is_protected
    from aigw.server.start import answers_nothing, why_nothing

    if answers_nothing(loaded):
        report.note((), f"providers: {why_nothing(loaded)}")
    try:
        check_address(parse_listen(loaded.config.listen)[0], insecure=False, authenticated=is_protected(loaded))
    except ConfigError as error:
        report.note(("listen",), f"`aigw serve` refuses it: {error.findings[0].removeprefix('listen: ')}")


def _plain(report: Report, findings: list[Finding]) -> list[dict[str, object]]:
    from aigw.core.json_path import format_path

    ordered = sorted(findings, key=lambda each: each.line)
    return [
        {"line": each.line, "path": format_path(each.path), "message": each.message, "text": report.format(each)}
        for each in ordered
    ]


def _summary(loaded: Loaded | None, report: Report) -> str:
    if loaded is None:
        count = len(report.errors)
        return f"{count} error{'s' if count > 1 else ''}"
    routes = len(loaded.config.routes)
    return (
        f"is right; plugins: {', '.join(loaded.plugins) or 'none'}; {routes or 'no'} route{'' if routes == 1 else 's'}"
    )
