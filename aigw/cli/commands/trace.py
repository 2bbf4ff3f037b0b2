"""`aigw trace`: shows what happened to a request, from the files that `aigw serve --trace` writes.

Rule: the texts came from clients and providers, so all of them are made plain."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from aigw.cli.options import Json, Recipe, State
from aigw.cli.terminal.output import UNLIMITED, USAGE, fail, say_json, say_text, width

if TYPE_CHECKING:
    from aigw.trace.record import TraceRecord

NAME = 14
"""How many cells of a terminal the list gives to a route."""


def trace(
    which: Annotated[
        str, typer.Argument(metavar="last|ID|ls", help="A request's id or how it begins; ls lists the recent ones.")
    ] = "last",
    as_json: Json = False,
    number: Annotated[int, typer.Option("-n", min=1, metavar="N", help="How many ls lists.")] = 20,
    state: State = None,
    recipe: Recipe = None,
) -> None:
    """Show what each plugin did to a request.

    It shows which rule matched, how long each plugin took, and what it changed. A gateway keeps this only if it runs
    with --trace. The header x-aigw-request-id has the id of a request.

    Example: aigw trace last
    """
    from aigw.cli.sources.usage_feed import state_folder

    try:
        folder = state or state_folder(recipe)
        records = _read(folder)
        records = records[: -number - 1 : -1] if which == "ls" else [_choose(records, which, folder)]
    except _NoTraceError as error:
        fail("trace", str(error))
    except ValueError as error:
        fail("trace", str(error), USAGE)
    if as_json:
        import msgspec

        say_json(msgspec.to_builtins(records if which == "ls" else records[0]))
        return
    if which == "ls":
        _print_list(records)
        return
    from rich.console import Console

    from aigw.cli.views.trace import lines

    console = Console(highlight=False, emoji=False, markup=False)
    for line in lines(records[0], console.width):
        console.print(line, soft_wrap=True)


class _NoTraceError(Exception):
    """The message names the remedy."""


def _read(folder: Path) -> list[TraceRecord]:
    """The traces by the time of their end, without those of other versions that this one cannot read."""
    import msgspec

    from aigw.trace.files import FOLDER, read_lines
    from aigw.trace.record import VERSION, TraceRecord

    decode = msgspec.json.Decoder(TraceRecord).decode
    records, newer = [], 0
    try:
        for line in read_lines(folder / FOLDER):
            try:
                record = decode(line)
            except (msgspec.DecodeError, UnicodeDecodeError):
                continue  # torn off when its process was killed
            if record.v > VERSION:
                newer += 1
            else:
                records.append(record)
    except OSError as error:
        raise _NoTraceError(f"{folder / FOLDER} cannot be read: {error.strerror or error}") from None
    if newer and not records:
        raise _NoTraceError(f"the traces in {folder} were written by a newer aigw; upgrade this one")
    if not records:
        raise _NoTraceError(
            f"there are no traces in {folder}: start `aigw serve --trace` here and send it a request, or name another"
            " state folder with --state, or a recipe with --recipe"
        )
    # What a plugin asked meanwhile began later than the client's request, and ended before it.
    records.sort(key=lambda record: record.at + record.total_ms / 1000)
    return records


def _choose(records: list[TraceRecord], which: str, folder: Path) -> TraceRecord:
    if which == "last":
        return records[-1]
    matching = [record for record in records if record.id.startswith(which)]
    if not matching:
        raise _NoTraceError(f"no trace in {folder} has an id that begins with {which!r}; `aigw trace ls` lists them")
    if len({record.id for record in matching}) > 1 and all(record.id != which for record in matching):
        ids = ", ".join(record.id for record in matching[-5:])
        raise _NoTraceError(f"{len(matching)} requests have an id that begins with {which!r}; give more of it: {ids}")
    return next((record for record in matching if record.id == which), matching[-1])


def _print_list(records: list[TraceRecord]) -> None:
    from aigw.cli.terminal.columns import cut, fitted
    from aigw.cli.terminal.figures import duration
    from aigw.cli.views.trace import moment
    from aigw.core.plain import plain

    wide = width()
    route = NAME if wide < UNLIMITED else wide
    rows = [("time", "id", "status", "took", "route", "request")]
    for record in records:
        facts = (moment(record.at), record.id[:12], str(record.status), duration(record.total_ms))
        rows.append((*facts, cut(plain(record.route), route), f"{record.method} {record.path}"))
    for line in fitted(rows, wide):
        say_text(line)
