"""`aigw traffic ls|show|prune|redact|export`: looks at recordings, removes and redacts them, and writes them in formats
of others."""

from __future__ import annotations

from collections.abc import Coroutine
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from aigw.cli.options import Config, Json
from aigw.cli.terminal.groups import Commands
from aigw.cli.terminal.output import FAILURE, USAGE, fail, say_json, say_sentence, say_text

if TYPE_CHECKING:
    from aigw.cli.sources.traffic import Removable
    from aigw.higress.re2 import GoRegex

app = typer.Typer(
    cls=Commands,
    help="Look at what was recorded, and use it.",
    epilog="Start with: aigw traffic ls recordings",
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    rich_markup_mode=None,
)

Recorded = Annotated[Path, typer.Argument(metavar="DIR", help="A folder of recordings, with those in it.")]


class Format(Enum):
    HAR = "har"
    JSONL = "jsonl"
    EVALS = "openai-evals"
    SFT = "sft"


@app.command("ls", epilog="Example: aigw traffic ls recordings")
def ls(folder: Recorded, config: Config = None, as_json: Json = False) -> None:
    """List the calls of a folder, with tokens, cost and time."""
    from aigw.cli.sources.traffic import listed
    from aigw.cli.sources.traffic_data import plain_row
    from aigw.cli.views.traffic import print_rows

    found = _run("traffic ls", listed(folder, config))
    if as_json:
        say_json([plain_row(row) for row in found.rows])
    elif found.rows or not found.problems:
        print_rows(found.rows, str(folder))
    _end("traffic ls", found.problems)


@app.command("show", epilog="Example: aigw traffic show recordings/001-01-chat")
def show(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A recording, as `ls` lists them, with its folder.")],
    raw: Annotated[bool, typer.Option("--raw", help="The bytes of the answer, and nothing else.")] = False,
    texts: Annotated[
        bool, typer.Option("--texts", help="Only what was said, without what differs each time it is recorded.")
    ] = False,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Show one call: what was asked and answered, and when.

    For a `git diff` of what was said: echo '*.json diff=aigw' > recordings/.gitattributes; git config
    diff.aigw.textconv 'aigw traffic show --texts'"""
    import sys

    from aigw.cli.sources.traffic import details, one, shown
    from aigw.cli.sources.traffic_data import plain_call
    from aigw.cli.views.traffic import print_call, print_texts
    from aigw.traffic.format.contents import pieces_of

    if raw + texts + as_json > 1:
        fail("traffic show", "choose one of --raw, --texts and --json", USAGE)

    folder, name = _call("traffic show", lambda: one(file))
    if raw:
        pieces = _call("traffic show", lambda: pieces_of(folder.read(name), folder, name))
        sys.stdout.buffer.write(b"".join([data for _, data in pieces]))
        sys.stdout.buffer.flush()
        return
    if texts:
        print_texts(_call("traffic show", lambda: details(folder, name)))
        return
    found = _run("traffic show", shown(folder, name, config))
    if as_json:
        told = [[at, data.decode("utf-8", "replace")] for at, data in found.pieces]
        say_json(plain_call(found.entry, found.recording, found.outcome) | {"pieces": told})
    else:
        print_call(found)


@app.command("prune", epilog="Example: aigw traffic prune recordings --unused --dry-run")
def prune(
    folder: Recorded,
    unused: Annotated[bool, typer.Option("--unused", help="What no replay has used since the last prune.")] = False,
    older_than: Annotated[str, typer.Option(metavar="TIME", help="What was recorded before: 30d, 12h, a date.")] = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be removed.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    as_json: Json = False,
) -> None:
    """Remove recordings that are not needed any more.

    With both options, what is unused and old. Replays note what they use in the folder itself, in .aigw."""
    import time

    from aigw.books.usage_question import moment
    from aigw.cli.sources.traffic import removable, remove
    from aigw.traffic.replay.used import iso

    if not (unused or older_than):
        fail("traffic prune", "say what is not needed: --unused, --older-than 30d, or both", USAGE)
    try:
        before = iso(moment(older_than, now=time.time())) if older_than else ""
    except (ValueError, OverflowError, OSError) as error:
        fail("traffic prune", str(error), USAGE)
    found = _call("traffic prune", lambda: removable(folder, only_unused=unused, before=before))
    removes = bool(found.names) and not dry_run and (yes or _agreed(found, folder, as_json=as_json))
    if removes:
        _call("traffic prune", lambda: remove(found))
    if as_json:
        removed = found.names if removes else []
        say_json({"removed": removed, "removable": found.names, "total": found.total, "unknown": found.unknown})
        return
    say_text(_pruned(found, removes=removes, listed=dry_run))
    if found.unknown:
        say_sentence(
            f"No replay has noted anything in {', '.join(found.unknown)}: run its tests, or remove it if it has none "
            "any more."
        )


@app.command("redact", epilog="Example: aigw traffic redact recordings --pattern 'ACCT-[0-9]+'")
def redact(
    folder: Recorded,
    pattern: Annotated[
        list[str] | None, typer.Option(metavar="REGEX", help="What is a secret, too (RE2); repeatable.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say which would change.")] = False,
    exit_code: Annotated[
        bool, typer.Option("--exit-code", help="Exit with 1 if there was a secret, for CI and hooks of git.")
    ] = False,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Take out of recordings what counts as a secret now.

    These are the secrets of the configuration, keys of known makers, and what the patterns find in texts. Calls find
    their recordings as before."""
    from aigw.cli.sources.traffic import redact as redact_all

    patterns = [_pattern(each) for each in pattern or []]
    done = _call("traffic redact", lambda: redact_all(folder, patterns, config, dry_run=dry_run))
    if as_json:
        say_json({"redacted": done.names, "total": done.total, "problems": done.problems})
    else:
        had = "would be changed" if dry_run else "were changed"
        say_text(
            f"{len(done.names)} of {done.total} recordings {had}{': ' if done.names else ''}{', '.join(done.names)}"
        )
    _end("traffic redact", done.problems)
    if exit_code and done.names:
        raise typer.Exit(FAILURE)


@app.command("export", epilog="Example: aigw traffic export recordings --format har > calls.har")
def export(
    folder: Recorded,
    format: Annotated[Format, typer.Option("--format", "-f", help="The format.")],
    config: Config = None,
) -> None:
    """Write recordings to stdout in a format of others.

    har: HTTP Archive 1.2. jsonl: an object a call, with tokens and cost. openai-evals: what was asked and said.
    sft: conversations with tools, for fine-tuning. What is left out is said on stderr."""
    import sys

    from aigw.cli.sources.traffic_export import exported

    problems: list[str] = []
    found = _run("traffic export", exported(folder, format.value, config, problems.append))
    for line in found.lines:
        sys.stdout.buffer.write(line)
    sys.stdout.buffer.flush()
    for note in found.notes:
        say_sentence(f"aigw traffic export: {note}", err=True)
    _end("traffic export", problems)


def _run(command: str, work: Coroutine[Any, Any, Any]) -> Any:
    import asyncio

    return _call(command, lambda: asyncio.run(work))


def _call(command: str, work: Any) -> Any:
    """Does the work, and says what went wrong."""
    from aigw.core.errors import ConfigError
    from aigw.traffic.format.folder import RecordingError

    try:
        return work()
    except ConfigError as error:
        fail(command, error.findings, USAGE)
    except RecordingError as error:
        fail(command, str(error))


def _end(command: str, problems: list[str]) -> None:
    """Names what could not be used, and exits if there was something."""
    if problems:
        fail(command, problems, FAILURE)


def _pattern(text: str) -> GoRegex:
    from aigw.higress.re2 import GoRegex

    try:
        pattern = GoRegex.longest(text)
    except ValueError as error:
        _no_pattern(f"--pattern {text!r}: {error}")
    if pattern.search(""):
        _no_pattern(f"--pattern {text!r} finds the empty text, so that it would match everywhere")
    return pattern


def _no_pattern(message: str) -> NoReturn:
    fail("traffic redact", message, USAGE)


def _agreed(found: Removable, folder: Path, *, as_json: bool) -> bool:
    import sys

    if as_json or not sys.stdin.isatty():
        fail(
            "traffic prune",
            f"{len(found.names)} recordings would be removed; say --yes, or --dry-run to see them",
            USAGE,
        )
    say_text(_pruned(found, removes=False, listed=True))
    return typer.confirm(f"Remove them from {folder}?", err=True)


def _pruned(found: Removable, *, removes: bool, listed: bool) -> str:
    """Says what was removed, or what would be."""
    looked = f" (replays from {found.used.since} to {found.used.until})" if found.used is not None else ""
    names = "".join(f"\n  {name}" for name in found.names) if listed else ""
    what = "were removed" if removes else "can be removed" if listed else "were removed, 0 of them now"
    if not found.names:
        return f"None of {found.total} recordings can be removed{looked}."
    if not (removes or listed):
        return f"Nothing was removed; {len(found.names)} of {found.total} recordings can be{looked}."
    return f"{len(found.names)} of {found.total} recordings {what}{looked}{':' if names else '.'}{names}"
