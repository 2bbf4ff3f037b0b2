"""`aigw usage`: a report of what was used."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from aigw.cli.options import By, Json, Key, Recipe, Since, State, Url
from aigw.cli.terminal.output import FAILURE, USAGE, fail, say_json, say_sentence, width

if TYPE_CHECKING:
    from aigw.books.summary import Summary

UNKNOWN = "?"
FORMULA = ("=", "+", "-", "@")
"""A spreadsheet computes a cell that begins with one of these. A quote before it makes it text."""


def usage(
    by: By = None,
    since: Since = "all",
    until: Annotated[str, typer.Option(metavar="TIME", help="The same, exclusive; default: now.")] = "",
    as_json: Json = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="CSV, for spreadsheets.")] = False,
    url: Url = None,
    key: Key = None,
    state: State = None,
    recipe: Recipe = None,
) -> None:
    """Report requests, tokens, speed and cost, by day and more.

    Without --by there is a line for each day. ? is an unknown cost, and 1.23+? a cost of which only a part is known.

    Example: aigw usage --by day --by model --since 7d
    """
    from aigw.books.usage_question import USAGE_BY
    from aigw.cli.sources.usage_feed import FeedError, feed_for

    if as_json and as_csv:
        fail("usage", "choose one of --json and --csv", USAGE)
    try:
        feed = feed_for(state, url, key, recipe)
        summary = feed.fetch(by or USAGE_BY, since, until)
    except FeedError as error:
        fail("usage", str(error), USAGE if error.typed else FAILURE)
    if as_json:
        import msgspec

        say_json(msgspec.to_builtins(summary))
    elif as_csv:
        typer.echo(_csv(summary), nl=False)
    elif summary.rows:
        _print(summary)
    else:
        say_sentence(
            feed.hint if summary.latest is None else "There were no requests in this time; look at --since all."
        )


def _csv(summary: Summary) -> str:
    """Writes one line for each key, without a total. An unknown cost is `?`; other missing values are empty.

    Clients choose names, so no name may become a formula or move the cursor of a terminal."""
    import csv
    import io

    import msgspec

    from aigw.core.plain import plain

    columns = [field.name for field in msgspec.structs.fields(type(summary.total)) if field.name != "key"]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([*summary.by, *columns])
    for line in summary.rows:
        values = msgspec.structs.asdict(line)
        if line.cost is None:
            values["cost"] = values["cost_per_min"] = UNKNOWN
        names = [f"'{name}" if name[:1] in FORMULA else name for name in map(plain, line.key.values())]
        writer.writerow([*names, *map(_figure, (values[column] for column in columns))])
    return text.getvalue()


def _figure(value: object) -> object:
    """Returns a sum without the last digits of floating point, which are noise."""
    return round(value, 12) if isinstance(value, float) else value


def _print(summary: Summary) -> None:
    from rich.console import Console
    from rich.text import Text

    from aigw.cli.views.top import legend, note
    from aigw.cli.views.usage import fit, rich_table

    console = Console(highlight=False, emoji=False, markup=False, width=width())
    grid = fit(summary, summary.rows, console.width, exact=True)
    console.print(rich_table(grid))
    if said := note(summary):
        console.print(Text(said, "yellow"))
    if explained := legend(grid.header, console.width):
        console.print(Text(explained, "dim"))
