"""What a shell offers when somebody presses Tab: the names that stand in the configuration of the command line (models,
routes, templates and their properties, collections), and those of recipes, plugins, clients and running gateways.

Rule: it reads the file as far as it can be read, starts nothing, prints nothing, and offers nothing if anything is
wrong."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import typer


def complete_client(ctx: typer.Context, incomplete: str) -> list[str]:
    from aigw.cli.sources.clients import CLIENTS

    return [each.name for each in CLIENTS if each.name.startswith(incomplete)]


def complete_gateway(ctx: typer.Context, incomplete: str) -> list[tuple[str, str]]:
    """Their ports, as bash takes an address with a colon for two words."""
    import os

    from aigw.core.plain import plain
    from aigw.server.register import running

    try:
        found = [
            (each.url.rpartition(":")[2], plain(f"{each.config} in {each.folder}")) for each in running(os.environ)
        ]
    except OSError:
        return []
    return [(port, about) for port, about in found if port.startswith(incomplete)]


def complete_recipe(ctx: typer.Context, incomplete: str) -> list[str]:
    from aigw.cli.sources.recipe import recipes

    return [name for name in recipes() if name.startswith(incomplete)]


def complete_plugin(ctx: typer.Context, incomplete: str) -> list[str]:
    from aigw.config.plugins import installed_plugins

    return [name for name in installed_plugins() if name.startswith(incomplete)]


def complete_model(ctx: typer.Context, incomplete: str) -> list[str]:
    import os

    from aigw.cli.sources.completed_names import has_ollama, models_in
    from aigw.cli.sources.ollama_models import installed

    values = _values(ctx.params)
    found = [*models_in(values, os.environ), *(installed(os.environ) if has_ollama(values) else [])]
    return [name for name in dict.fromkeys(found) if name.startswith(incomplete)]


def complete_provider(ctx: typer.Context, incomplete: str) -> list[str]:
    from aigw.cli.sources.completed_names import providers_in

    return [name for name in providers_in(_values(ctx.params)) if name.startswith(incomplete)]


def complete_by(ctx: typer.Context, incomplete: str) -> list[str]:
    from aigw.books.usage_question import BY

    return [name for name in BY if name.startswith(incomplete)]


def complete_budget(ctx: typer.Context, incomplete: str) -> list[str]:
    from aigw.cli.sources.completed_names import budgets_in

    return [name for name in budgets_in(_values(ctx.params)) if name.startswith(incomplete)]


def complete_collection(ctx: typer.Context, incomplete: str) -> list[str]:
    from pathlib import Path

    from aigw.cli.sources.recipe import STATE

    config, recipe = ctx.params.get("config"), ctx.params.get("recipe")
    state = str(_values(ctx.params).get("state_dir") or ".aigw")
    folder = Path(STATE, recipe) if recipe else Path(config or "").parent / state
    try:
        names = sorted(each.parent.name for each in folder.expanduser().glob("rag/*/manifest.sqlite"))
    except OSError:
        return []
    return [name for name in names if name.startswith(incomplete)]


def complete_template(ctx: typer.Context, incomplete: str) -> list[str]:
    return complete_name(ctx, incomplete)


def complete_name(ctx: typer.Context, incomplete: str) -> list[str]:
    names = dict.fromkeys(name for name, _ in _templates(ctx.params))
    return [name for name in names if name.startswith(incomplete)]


def complete_property(ctx: typer.Context, incomplete: str) -> list[str]:
    """The properties that are not set yet, each with its `=`."""
    from aigw.plugins.ai_prompt_template.template import Template

    # with the option at the end of the line, nothing has been read behind the options yet
    asked = ctx.params.get("template") or ctx.params.get("name") or next(iter(ctx.args), "")
    given = {str(each).partition("=")[0] for each in ctx.params.get("values") or ()}
    found = (Template(fields) for name, fields in _templates(ctx.params) if name == asked)
    names = dict.fromkeys(name for template in found for name in template.properties)
    return [f"{name}=" for name in names if f"{name}=".startswith(incomplete) and name not in given]


def complete_route(ctx: typer.Context, incomplete: str) -> list[str]:
    routes = _values(ctx.params).get("routes")
    names = (route.get("name") for route in (routes if isinstance(routes, list) else ()) if isinstance(route, dict))
    return [name for name in names if isinstance(name, str) and name.startswith(incomplete)]


def _templates(params: Mapping[str, Any]) -> list[tuple[str, Mapping[str, Any]]]:
    from aigw.cli.sources.completed_names import in_source

    return list(in_source(_values(params)))


def _values(params: Mapping[str, Any]) -> Mapping[str, Any]:
    """Returns the values in the file or the recipe of the command line."""
    import os

    from aigw.cli.default_file import DEFAULT_FILE
    from aigw.cli.sources.recipe import text_of
    from aigw.config.reading import read_file
    from aigw.config.source import read

    if recipe := params.get("recipe"):
        try:
            return read(text_of(recipe).encode(), os.environ)[0].values
        except ValueError:
            return {}
    return read_file(params.get("config") or DEFAULT_FILE, os.environ)[0].values
