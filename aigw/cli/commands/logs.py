"""`aigw logs`: the requests that came, and those that come."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from aigw.cli.options import Recipe, State
from aigw.cli.sources.completion import complete_model, complete_route
from aigw.cli.terminal.output import USAGE, fail, say_sentence, say_text

if TYPE_CHECKING:
    from aigw.books.recent_rows import RecentRows, RowFilter
    from aigw.books.usage_row import UsageRow
    from aigw.cli.sources.request_texts import Gateways

INTERRUPTED = 130
FOLLOW_SECONDS = 0.25
NO_TEXTS = (
    "aigw logs: what was said is kept only while somebody looks, in the memory of the gateway: follow with -f, or start"
    " `aigw serve --inspect`; what was recorded shows `aigw traffic`"
)
_FILTERS = "Which requests"


def logs(
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on with those that come; Ctrl-C ends it.")] = False,
    texts: Annotated[bool, typer.Option("--texts", help="Questions and answers, too, redacted.")] = False,
    number: Annotated[int, typer.Option("-n", min=0, metavar="N", help="How many of those that came.")] = 20,
    since: Annotated[
        str, typer.Option(metavar="TIME", help="15m, 1h, 7d, all, or a date.", rich_help_panel=_FILTERS)
    ] = "all",
    model: Annotated[
        str,
        typer.Option(
            "--model",
            "-m",
            metavar="NAME",
            help="The model, asked for or answering; * is anything.",
            autocompletion=complete_model,
            rich_help_panel=_FILTERS,
        ),
    ] = "",
    route: Annotated[
        str,
        typer.Option(metavar="NAME", help="The route.", autocompletion=complete_route, rich_help_panel=_FILTERS),
    ] = "",
    consumer: Annotated[str, typer.Option(metavar="NAME", help="Who asked.", rich_help_panel=_FILTERS)] = "",
    status: Annotated[str, typer.Option(metavar="STATUS", help="429, 4xx, or failed.", rich_help_panel=_FILTERS)] = "",
    state: State = None,
    recipe: Recipe = None,
    key: Annotated[str, typer.Option(metavar="KEY", envvar="AIGW_ADMIN_KEY", help="The admin_key, for --texts.")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="A JSON object a line, for programs.")] = False,
) -> None:
    """List the requests that came, the newest last.

    They come from the files of a gateway here, whether it runs or not, in the columns of `aigw serve`. --texts also
    shows what was said, if a running gateway has kept it: it does so while somebody looks (so with -f), or with `aigw
    serve --inspect`. `aigw trace` shows what plugins did to a request.

    Example: aigw logs -f --texts --model 'qwen*'
    """
    from aigw.books.recent_rows import RecentRows
    from aigw.books.usage_file import FILE_NAME
    from aigw.cli.sources.usage_feed import state_folder

    try:
        folder = state or state_folder(recipe)
        wanted = _row_filter(since, model, route, consumer, status)
    except ValueError as error:
        fail("logs", str(error), USAGE)
    gateways = _gateways(folder, key) if texts else None
    if texts and follow and gateways is not None and not gateways.urls:
        say_sentence(f"aigw logs: no gateway runs with {folder}, so nothing that is said is kept", err=True)
    with _reporting(follow=follow):
        rows, say = RecentRows(folder / FILE_NAME, wanted), _printing(gateways, as_json=as_json)
        _show(rows, say, number, folder, gateways, follow=follow)


def _show(
    rows: RecentRows,
    say: Callable[[UsageRow], bool],
    number: int,
    folder: Path,
    gateways: Gateways | None,
    *,
    follow: bool,
) -> None:
    """Prints what is there and, if somebody follows, what comes."""
    import time
    from contextlib import nullcontext

    with gateways.looking() if follow and gateways is not None else nullcontext():
        found = rows.latest(number)
        lacks = [row for row in found if not say(row)]
        if lacks and not follow:
            say_sentence(NO_TEXTS, err=True)
        if not found and not follow:
            _nothing(folder)
        while follow:
            time.sleep(FOLLOW_SECONDS)
            for row in rows.new():
                say(row)


def _printing(gateways: Gateways | None, *, as_json: bool) -> Callable[[UsageRow], bool]:
    """Returns what prints a request, and says whether all that is wanted was there."""
    import time

    from aigw.cli.terminal.output import say_json_line, width
    from aigw.cli.views.logs import data, line, said

    def say(row: UsageRow) -> bool:
        parts = gateways.texts(row.id) if gateways is not None else None
        if as_json:
            say_json_line(data(row, parts))
        else:
            say_text(line(row, time.time(), width()))
            for each in said(parts or []):
                say_text(each)
        return parts is None or bool(parts)

    return say


def _row_filter(since: str, model: str, route: str, consumer: str, status: str) -> RowFilter:
    """Raises ValueError."""
    import time

    from aigw.books.recent_rows import FAILED, RowFilter, statuses
    from aigw.books.usage_question import moment

    failed = status == FAILED
    span = statuses(status) if status and not failed else None
    return RowFilter(model, route, consumer, span, failed, moment(since, now=time.time()))


def _gateways(folder: Path, key: str) -> Gateways:
    import os

    from aigw.cli.sources.request_texts import gateways_of
    from aigw.server.register import running

    try:
        return gateways_of(running(os.environ), folder, key)
    except OSError as error:
        fail("logs", str(error))


def _nothing(folder: Path) -> None:
    from aigw.books.usage_file import FILE_NAME

    if (folder / FILE_NAME).exists():
        say_sentence(f"aigw logs: no request in {folder} is like that", err=True)
        return
    say_sentence(
        f"aigw logs: there are no requests in {folder} yet: start `aigw serve` here and send it one, or name another"
        " state folder with --state or --recipe",
        err=True,
    )


@contextmanager
def _reporting(*, follow: bool) -> Iterator[None]:
    """Prints the failures of the block, and exits."""
    from aigw.core.stores import StoreError

    try:
        yield
    except StoreError as error:
        fail("logs", str(error))
    except BrokenPipeError:
        raise  # nobody reads on: typer ends quietly
    except KeyboardInterrupt:
        if follow:
            raise typer.Exit(INTERRUPTED) from None
        raise
