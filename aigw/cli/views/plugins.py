"""Shows what plugins say about themselves: on a terminal, as Markdown, and as JSON.

Rule: no line is wider than the terminal, except those of a recipe, because people copy them."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from typing import Any

from aigw.cli.sources.plugins import Described
from aigw.cli.views.config_keys import as_json, bold, lines, meaning, wrap
from aigw.config.reference import Key
from aigw.core.plugin import Place


def listing(plugins: Sequence[Described], width: int) -> Iterator[str]:
    """Yields two or three lines for each plugin."""
    yield from wrap("In the order in which they see a request; an answer passes them the other way round.", width)
    yield ""
    longest = max(len(each.name) for each in plugins)
    for each in plugins:
        yield f"{bold(each.name)}{' ' * (longest - len(each.name))}  {_place(each.place):<9}  recipe {each.recipe}"
        yield from wrap(each.summary, width, "    ")
    yield ""
    yield from wrap("aigw plugins NAME shows what one does, and all of its keys.", width)


def page(plugin: Described, width: int) -> Iterator[str]:
    """Yields the lines that say everything about one plugin."""
    yield from wrap(f"{plugin.name}: {plugin.summary}", width)
    for paragraph in plugin.about:
        yield ""
        yield from wrap(paragraph, width)
    yield ""
    yield from wrap(f"Place in the order: {_place(plugin.place)}.", width, "", "  ")
    yield from wrap(f"Rules: {_rules(plugin)}", width, "", "  ")
    yield from ("", f"Keys, under `plugins: {plugin.name}:`", "", *lines(plugin.keys, width))
    if plugin.differences:
        yield from ("", "Where `safe` (the default) differs from `fidelity: higress`", "")
        for each in plugin.differences:
            yield from wrap(each.subject, width, "  ", "    ")
            yield from wrap(f"safe     {each.safe}", width, "    ", " " * 13)
            yield from wrap(f"higress  {each.higress}", width, "    ", " " * 13)
    yield from ("", f"Try it: aigw serve --recipe {plugin.recipe}", "")
    yield from textwrap.indent(plugin.configuration, "  ").splitlines()


def markdown(plugin: Described) -> Iterator[str]:
    """Writes what `page` shows as Markdown, with tables."""
    yield from (f"## {plugin.name}", "", plugin.summary, "")
    for paragraph in plugin.about:
        yield from (paragraph, "")
    yield from (f"Place in the order: {_place(plugin.place)}. Rules: {_rules(plugin)}", "")
    yield from _table(("key", "type", "default", "meaning"), [_row(key) for key in plugin.keys])
    if plugin.differences:
        rows = [(each.subject, each.safe, each.higress) for each in plugin.differences]
        yield from _table(("", "`safe` (default)", "`higress`"), rows)
    yield from (f"Recipe: `aigw serve --recipe {plugin.recipe}`", "", "```yaml")
    yield from (*plugin.configuration.splitlines(), "```", "")


def data(plugin: Described) -> dict[str, Any]:
    """Returns what a plugin says about itself as plain data, for `--json`."""
    return {
        **plugin._asdict(),
        "place": plugin.place._asdict(),
        "keys": [key._asdict() for key in plugin.keys],
        "differences": [each._asdict() for each in plugin.differences],
    }


def _row(key: Key) -> tuple[str, ...]:
    default = "required" if key.required else "" if key.default is None else f"`{as_json(key.default)}`"
    return f"`{key.path}`", key.type, default, meaning(key)


def _place(place: Place) -> str:
    return f"{place.phase} {place.priority}".strip()


def _rules(plugin: Described) -> str:
    if plugin.inherits:
        return "one of `_rules_` starts as a copy of the rest, with its own keys on top."
    return "one of `_rules_` replaces the rest where it matches."


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    for row in (head, ["---"] * len(head), *rows):
        yield f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |"
    yield ""
