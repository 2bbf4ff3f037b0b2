"""`aigw top`: usage while it happens."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from aigw.cli.options import By, Json, Key, Recipe, Since, State, Url
from aigw.cli.terminal.output import FAILURE, USAGE, fail, say_json, width

if TYPE_CHECKING:
    from rich.console import Console

    from aigw.books.summary import Summary
    from aigw.cli.sources.usage_feed import Feed, FeedReader
    from aigw.cli.views.top import View

KEY_SECONDS = 0.1
"""How often it looks for a new summary if no key is pressed."""


def top(
    by: By = None,
    since: Since = "1h",
    once: Annotated[bool, typer.Option("--once", help="Print it once; the default without a terminal.")] = False,
    as_json: Json = False,
    url: Url = None,
    key: Key = None,
    state: State = None,
    recipe: Recipe = None,
) -> None:
    """Show requests, tokens, speed and cost, live.

    Without --by there is a line for each model. "in" is the whole prompt, and "cached" the part of it that came from
    the provider's cache. tok/s is the speed of generation, p50 and p95 are times to the first token. $/min counts from
    --since, or from the first request after it.

    Keys: s and arrows sort, r reverses, p pauses, up and down scroll, q quits.

    Example: aigw top --by consumer --since 15m
    """
    from aigw.books.usage_question import TOP_BY
    from aigw.cli.sources.usage_feed import FeedError, feed_for

    names = by or list(TOP_BY)
    try:
        feed = feed_for(state, url, key, recipe)
        summary = feed.fetch(names, since)
    except FeedError as error:
        fail("top", str(error), USAGE if error.typed else FAILURE)
    if as_json:
        import msgspec

        say_json(msgspec.to_builtins(summary))
        return
    _show(feed, names, since, summary, once=once)


def _show(feed: Feed, names: list[str], since: str, summary: Summary, *, once: bool) -> None:
    import sys

    from rich.console import Console

    from aigw.cli.sources.usage_feed import FeedReader
    from aigw.cli.views.top import View, whole

    console = Console(highlight=False, emoji=False, markup=False)
    view = View(since, feed.name, feed.hint)
    if once or not console.is_terminal or console.is_dumb_terminal or not sys.stdin.isatty():
        console.width = width()
        console.print(whole(view, summary, console.width).rich())
        return
    try:
        _live(console, FeedReader(feed, names, since, summary), view)
    except KeyboardInterrupt:
        return


def _live(console: Console, reader: FeedReader, view: View) -> None:
    """Draws until q is pressed. The blocks always restore the screen and the keyboard."""
    import signal
    from contextlib import suppress

    from rich.live import Live

    from aigw.cli.terminal.keys import keyboard

    for name in ("SIGTERM", "SIGHUP"):
        with suppress(AttributeError):  # Windows has no SIGHUP
            signal.signal(getattr(signal, name), _leave)
    latest, drawn, pressed = reader.latest, None, False
    with keyboard() as press, Live(console=console, screen=True, auto_refresh=False) as live:
        reader.start()
        while True:
            newest = latest if view.paused else reader.latest
            size = console.size
            if drawn is None or pressed or newest is not latest or size != drawn[1]:
                latest = newest
                frame = view.frame(latest.summary, size.width, size.height, latest.problem)
                if drawn != (frame, size):
                    live.update(frame.rich(), refresh=True)
                    drawn = frame, size
            keys = press(KEY_SECONDS)
            if not all(view.press(key) for key in keys):
                return
            pressed = bool(keys)


def _leave(number: int, _: object) -> None:
    raise SystemExit(128 + number)
