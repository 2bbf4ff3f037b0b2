"""`aigw cache stats|ls|show|clear|explain`: shows what ai-cache has stored, and why a request is a hit or a miss.

Rule: the texts came from clients and providers, so only printable characters reach the terminal."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from aigw.cli.options import Config, Json, Recipe
from aigw.cli.sources.completion import complete_model
from aigw.cli.sources.config_choice import config_choice
from aigw.cli.sources.plugin_stores import opened_stores
from aigw.cli.terminal.failures import run_or_fail
from aigw.cli.terminal.groups import Commands
from aigw.cli.terminal.output import USAGE, fail, say_json, say_text

if TYPE_CHECKING:
    from aigw.books.summary import UsageLine
    from aigw.cli.sources.cache_explain import Caches
    from aigw.cli.sources.config_choice import ConfigChoice
    from aigw.config.load import Loaded
    from aigw.plugins.ai_cache.contents import Item

app = typer.Typer(
    cls=Commands,
    help="Look at the answers that ai-cache has stored, and clear them.",
    epilog="Example: aigw cache explain",
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    rich_markup_mode=None,
)

ModelOption = Annotated[
    str,
    typer.Option(
        "--model", metavar="NAME", help="Only answers to requests for this model.", autocompletion=complete_model
    ),
]


@app.command("stats", epilog="Example: aigw cache stats --json")
def stats(config: Config = None, recipe: Recipe = None, as_json: Json = False) -> None:
    """Count what is stored, by model."""
    from aigw.cli.views.cache import plain_stats, print_stats

    choice = config_choice("cache", config, recipe)

    async def look() -> Any:
        async with _caches(choice) as (loaded, caches):
            return plain_stats(await _all(caches), _total(loaded))

    found = run_or_fail("cache", look())
    say_json(found) if as_json else print_stats(found)


@app.command("ls", epilog="Example: aigw cache ls --model gpt-4o -n 50")
def ls(
    number: Annotated[int, typer.Option("-n", min=1, metavar="N", help="How many; the newest come first.")] = 20,
    model: ModelOption = "",
    config: Config = None,
    recipe: Recipe = None,
    as_json: Json = False,
) -> None:
    """List stored answers, the newest first."""
    from aigw.cli.views.cache import plain_item, print_list

    choice = config_choice("cache", config, recipe)
    items = [item for item in run_or_fail("cache", _items(choice)) if not model or _model(item) == model][:number]
    say_json([plain_item(item) for item in items]) if as_json else print_list(items)


@app.command("show", epilog="Example: aigw cache show 3f2a91c0")
def show(
    key: Annotated[str, typer.Argument(metavar="KEY", help="As in x-aigw-cache and in ls, or how it begins.")],
    config: Config = None,
    recipe: Recipe = None,
    as_json: Json = False,
) -> None:
    """Show one stored answer and its request.

    The texts of a long request are not stored whole."""
    from aigw.cli.views.cache import plain_item, print_item

    choice = config_choice("cache", config, recipe)
    matching = [item for item in run_or_fail("cache", _items(choice)) if item.key.startswith(key)]
    exact = [item for item in matching if item.key == key]
    if len(exact or matching) != 1:
        there = "several keys begin" if matching else "no key begins"
        fail("cache", f"{there} with {key!r}; `aigw cache ls` lists them")
    (item,) = exact or matching
    say_json(plain_item(item, whole=True)) if as_json else print_item(item)


@app.command("clear", epilog="Example: aigw cache clear --model gpt-4o --older-than 7d")
def clear(
    key: Annotated[str, typer.Argument(metavar="KEY", help="Only answers whose key begins so.")] = "",
    model: ModelOption = "",
    older_than: Annotated[str, typer.Option(metavar="TIME", help="Only those stored before: 90s, 15m, 1h, 7d.")] = "",
    config: Config = None,
    recipe: Recipe = None,
    as_json: Json = False,
) -> None:
    """Forget all stored answers, or those that are named.

    A running gateway follows within a second."""
    import time

    from aigw.books.usage_question import moment

    try:
        before = moment(older_than, now=time.time()) if older_than else None
    except ValueError as error:
        fail("cache clear", str(error), USAGE)

    def wanted(item: Item) -> bool:
        old = before is None or (item.entry is not None and item.entry.created < before)
        return old and item.key.startswith(key) and (not model or _model(item) == model)

    choice = config_choice("cache", config, recipe)

    async def forget() -> int:
        async with _caches(choice) as (_, caches):
            return sum([await contents.clear(wanted) for contents in caches.values()])

    number = run_or_fail("cache", forget())
    say_json({"cleared": number}) if as_json else say_text(f"{number} answers were forgotten.")


@app.command("explain", epilog="Example: aigw cache explain request.json")
def explain(
    file: Annotated[
        Path | None, typer.Argument(metavar="FILE", help="A request's body, - for stdin; default: the last miss.")
    ] = None,
    path: Annotated[str, typer.Option(metavar="PATH", help="Where it goes; default: what the body looks like.")] = "",
    header: Annotated[
        list[str] | None, typer.Option(metavar="NAME:VALUE", help="A header of the request; repeatable.")
    ] = None,
    config: Config = None,
    recipe: Recipe = None,
    as_json: Json = False,
) -> None:
    """Say why a request is a hit or a miss.

    It compares a miss with the stored request that is nearest to it. Without a file it looks at the last miss, and at
    what was stored before that."""
    import sys

    from aigw.cli.sources.cache_explain import explain_last, explain_request, make_request
    from aigw.cli.views.cache import print_explanation

    body = b""
    if file is not None:
        try:
            body = sys.stdin.buffer.read() if str(file) == "-" else file.read_bytes()
        except OSError as error:
            fail("cache", f"{file} cannot be read: {error.strerror or error}")

    choice = config_choice("cache", config, recipe)

    async def look() -> Any:
        async with _caches(choice) as (loaded, caches):
            if file is None:
                return await explain_last(caches)
            return await explain_request(loaded, caches, make_request(body, path, header or []))

    found = run_or_fail("cache", look())
    if as_json:
        import msgspec

        say_json(msgspec.to_builtins(found))
    else:
        print_explanation(found, from_file=file is not None)


def _model(item: Item) -> str:
    return item.entry.model if item.entry is not None else ""


async def _items(choice: ConfigChoice) -> list[Item]:
    async with _caches(choice) as (_, caches):
        return await _all(caches)


async def _all(caches: Caches) -> list[Item]:
    """Returns all stored answers, the newest first."""
    items = [item for contents in caches.values() for item in [item async for item in contents.items()]]
    return sorted(items, key=lambda item: -item.entry.created if item.entry is not None else 0.0)


def _total(loaded: Loaded) -> UsageLine | None:
    """The sum over all requests in the state folder."""
    import time

    from aigw.books.usage_file import FILE_NAME
    from aigw.books.usage_query import summarise
    from aigw.books.usage_question import parse
    from aigw.stores.sqlite_file import FileError

    try:
        return summarise(loaded.state_dir / FILE_NAME, parse(["day"], "all", "", now=time.time())).total
    except FileError:
        return None


@asynccontextmanager
async def _caches(choice: ConfigChoice) -> AsyncIterator[tuple[Loaded, Caches]]:
    """Opens the caches of the configuration, one for each store and prefix. Raises ConfigError."""
    from aigw.plugins.ai_cache.contents import Contents

    async with opened_stores(choice, "ai-cache", shown="ai-cache") as (loaded, configs, stores):
        places = [(each.service(), each.prefix()) for each in configs if each.store is not None]
        yield loaded, {(service, prefix): Contents(stores.kv(service), prefix) for service, prefix in places}
