"""`aigw rag ls|show|rm|stats|export|import|reindex|repair`: what is kept in the collections. rag.py makes commands of
these functions."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from aigw.cli.options import Collected, Config, Embed, Json, Recipe
from aigw.cli.sources.completion import complete_collection
from aigw.cli.terminal.output import USAGE, fail, say_json, say_text

if TYPE_CHECKING:
    from aigw.cli.sources.rag import Known
    from aigw.core.retrieval import Collection, Passage


def ls(
    collection: Annotated[
        str,
        typer.Option(
            "--collection",
            "-n",
            metavar="NAME",
            help="List the sources of this one.",
            autocompletion=complete_collection,
        ),
    ] = "",
    config: Config = None,
    recipe: Recipe = None,
    as_json: Json = False,
) -> None:
    """List the collections, or the sources of one."""
    from aigw.cli.sources.rag import on_collections
    from aigw.cli.views.rag import plain_collection, plain_source, print_collections, print_sources

    async def sources(known: Known) -> Any:
        return sorted((await (await known.collection(collection)).sources()).values())

    async def all_of_them(known: Known) -> Any:
        found = [await known.collections.get(name) for name in await known.collections.names()]
        return [(each.info, await each.stats()) for each in found]

    if collection:
        listed = on_collections("rag ls", config, recipe, sources)
        say_json([plain_source(each) for each in listed]) if as_json else print_sources(listed)
        return
    found = on_collections("rag ls", config, recipe, all_of_them)
    say_json([plain_collection(*each) for each in found]) if as_json else print_collections(found)


def show(
    what: Annotated[str, typer.Argument(metavar="SOURCE", help="A source, or the id of a passage.")],
    collection: Collected = "",
    config: Config = None,
    recipe: Recipe = None,
    as_json: Json = False,
) -> None:
    """Show the passages of a source, or one passage."""
    from aigw.cli.sources.rag import on_collections, similar_to
    from aigw.cli.views.rag import plain_passage, print_passages

    async def work(known: Known) -> Any:
        there = await known.collection(collection)
        return await _passages(there, what), await similar_to(there, [what])

    found, similar = on_collections("rag show", config, recipe, work)
    if not found:
        remedy = similar or "`aigw rag ls -n COLLECTION` lists the sources"
        fail("rag show", f"there is no source and no passage {what!r}; {remedy}")
    say_json([plain_passage(each) for each in found]) if as_json else print_passages(found)


def rm(
    sources: Annotated[
        list[str] | None, typer.Argument(metavar="[SOURCE]...", help="Sources, as `ls` lists them.")
    ] = None,
    collection: Collected = "",
    everything: Annotated[bool, typer.Option("--all", help="The whole collection.")] = False,
    config: Config = None,
    recipe: Recipe = None,
    as_json: Json = False,
) -> None:
    """Remove sources, or a whole collection."""
    from aigw.cli.sources.rag import on_collections, similar_to

    if bool(sources) == everything:
        fail("rag rm", "say which sources, or --all for the whole collection", USAGE)

    async def work(known: Known) -> tuple[int, str]:
        if everything:
            return int(await known.collections.drop(known.name(collection))), ""
        there = await known.collection(collection)
        similar = await similar_to(there, sources or [])
        return await there.remove(sources or []), similar

    number, similar = on_collections("rag rm", config, recipe, work)
    if not number or (not everything and number < len(set(sources or []))):
        what = "there is no such collection" if everything else f"{number} of these sources were there"
        fail("rag rm", f"{what}; {similar or '`aigw rag ls` lists what there is'}")
    noun = ("collection" if everything else "source") + "s" * (number != 1)
    say_json({"removed": number}) if as_json else say_text(f"{number} {noun} removed.")


def stats(collection: Collected = "", config: Config = None, recipe: Recipe = None, as_json: Json = False) -> None:
    """Show how large a collection is, and how its vectors are kept."""
    from aigw.cli.sources.rag import on_collections
    from aigw.cli.views.rag import plain_collection, print_stats

    async def work(known: Known) -> Any:
        found = await known.collection(collection)
        return found.info, await found.stats()

    found = on_collections("rag stats", config, recipe, work)
    say_json(plain_collection(*found)) if as_json else print_stats(*found)


def export(collection: Collected = "", config: Config = None, recipe: Recipe = None, as_json: Json = False) -> None:
    """Write a collection to stdout, for `aigw rag import`.

    What it writes are lines of JSON, with --json and without."""
    import sys

    from aigw.cli.sources.rag import on_collections
    from aigw.rag.transfer import lines_of

    if sys.stdout.isatty():
        fail("rag export", "stdout is a terminal; write to a file: aigw rag export > FILE", USAGE)

    async def work(known: Known) -> None:
        async for line in lines_of(await known.collection(collection)):
            sys.stdout.buffer.write(line)

    on_collections("rag export", config, recipe, work)


def import_(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="What `aigw rag export` wrote, - for stdin.")],
    collection: Annotated[str, typer.Option("--collection", "-n", metavar="NAME", help="Default: as exported.")] = "",
    config: Config = None,
    recipe: Recipe = None,
    as_json: Json = False,
) -> None:
    """Make a collection of what was exported. One of the same name must not be there."""
    import contextlib
    import sys

    from aigw.cli.sources.rag import on_collections
    from aigw.cli.views.rag import of_passages
    from aigw.rag.transfer import read_lines

    async def work(known: Known) -> tuple[str, int]:
        source = contextlib.nullcontext(sys.stdin.buffer) if str(file) == "-" else file.open("rb")
        with source as lines:
            return await read_lines(known.collections, lines, collection)

    name, number = on_collections("rag import", config, recipe, work)
    told = {"collection": name, "passages": number}
    say_json(told) if as_json else say_text(f"{name}: {of_passages(number)}.")


def reindex(
    collection: Collected = "",
    embedder: Embed = "",
    config: Config = None,
    recipe: Recipe = None,
    as_json: Json = False,
) -> None:
    """Embed all passages anew, by another embedder.

    Until it is done, searches find what they found before."""
    from aigw.cli.sources.rag import on_collections
    from aigw.cli.sources.rag_rebuild import reindex as rebuilt
    from aigw.cli.terminal.steps import Steps
    from aigw.cli.views.rag import print_rebuilt

    with Steps("passages") as steps:
        done = on_collections("rag reindex", config, recipe, lambda known: rebuilt(known, collection, embedder, steps))
    say_json(done._asdict()) if as_json else print_rebuilt(done)


def repair(collection: Collected = "", config: Config = None, recipe: Recipe = None, as_json: Json = False) -> None:
    """Make again what is missing or damaged in a collection."""
    from aigw.cli.sources.rag import on_collections
    from aigw.cli.sources.rag_rebuild import repair as repaired
    from aigw.cli.terminal.steps import Steps
    from aigw.cli.views.rag import print_rebuilt

    with Steps("passages") as steps:
        done = on_collections("rag repair", config, recipe, lambda known: repaired(known, collection, steps))
    say_json(done._asdict()) if as_json else print_rebuilt(done)


async def _passages(collection: Collection, what: str) -> list[Passage]:
    found = list(await collection.of_source(what))
    return found or [passage for passage, _ in (await collection.fetch([what])).values()]
