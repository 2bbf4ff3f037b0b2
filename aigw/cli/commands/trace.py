"""`aigw trace`: shows what happened to a request, from the files that `aigw serve --trace` writes.

Rule: the texts came from clients and providers, so all of them are made plain."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from aigw.cli.options import State

if TYPE_CHECKING:
    from rich.console import Console

    from aigw.trace.record import TraceRecord


def trace(
    which: Annotated[
        str, typer.Argument(metavar="last|ID|ls", help="A request's id or how it begins; ls lists the recent ones.")
    ] = "last",
    as_json: Annotated[bool, typer.Option("--json", help="JSON, for programs; ls prints one line a request.")] = False,
    number: Annotated[int, typer.Option("-n", min=1, metavar="N", help="How many ls lists.")] = 20,
    state: State = None,
) -> None:
    """Show what each plugin did to a request.

    It shows which rule matched, how long each plugin took, and what it changed. A gateway keeps this only if it runs
    with --trace. The header x-aigw-request-id has the id of a request.

    Example: aigw trace last
    """
    from aigw.cli.sources.feed import configured_folder

    folder = state or configured_folder()
    try:
        records = _read(folder)
        records = records[: -number - 1 : -1] if which == "ls" else [_choose(records, which, folder)]
    except _NoTraceError as error:
        typer.echo(f"aigw trace: {error}", err=True)
        raise typer.Exit(1) from None
    if as_json:
        import msgspec

        for record in records:
            typer.echo(msgspec.json.encode(record))
        return
    from rich.console import Console

    console = Console(highlight=False, emoji=False, markup=False)
    if which == "ls":
        _print_list(console, records)
    else:
        from aigw.cli.views.trace import lines

        for line in lines(records[0], console.width):
            console.print(line, soft_wrap=True)


class _NoTraceError(Exception):
    """The message names the remedy."""


def _read(folder: Path) -> list[TraceRecord]:
    """The traces by time of arrival, without those of other versions that this one cannot read."""
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
            " state folder with --state"
        )
    records.sort(key=lambda record: record.at)
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


def _print_list(console: Console, records: list[TraceRecord]) -> None:
    from rich.table import Table
    from rich.text import Text

    from aigw.cli.views.figures import duration
    from aigw.cli.views.trace import moment
    from aigw.core.plain import plain

    table = Table(box=None, pad_edge=False, header_style="bold")
    for name, width in (("time", 18), ("id", 12), ("status", 6), ("took", 7)):
        table.add_column(name, no_wrap=True, min_width=width, justify="right" if width < 10 else "left")
    table.add_column("route", no_wrap=True, max_width=14, overflow="ellipsis")
    table.add_column("request", no_wrap=True, overflow="ellipsis")
    for record in records:
        cells = (
            moment(record.at), record.id[:12], str(record.status), duration(record.total_ms), record.route,
            f"{record.method} {record.path}",
        )  # fmt: skip
        table.add_row(*(Text(plain(cell)) for cell in cells))
    console.print(table)
