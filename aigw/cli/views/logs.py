"""The lines of `aigw logs`.

Rule: texts of clients and providers are made plain where they are printed."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from aigw.books.usage_row import UsageRow
from aigw.cli.sources.request_texts import Part
from aigw.cli.views.request_line import of_row
from aigw.core.plain import plain_rows

_OTHERS = {"call": "calls", "result": "result of", "image": "image", "reasoning": "thinks"}
_WIDEST_IMAGE = 60


def line(row: UsageRow, now: float, width: int) -> str:
    """Writes a request as `aigw serve` prints it, with its route and its consumer, and with the date if it was not
    today."""
    place = row.asked or row.api or row.route
    more = [f"route {row.route}"] * (row.route != "default") + [f"by {row.consumer}"] * bool(row.consumer)
    if row.cache:
        more.insert(0, f"cache: {row.cache}")
    if row.guard:
        more.insert(0, f"guard: {row.guard}")
    today = time.localtime(row.at)[:3] == time.localtime(now)[:3]
    day = "" if today else time.strftime("%Y-%m-%d ", time.localtime(row.at))
    return day + of_row(row, place, more, width - len(day))


def data(row: UsageRow, parts: Sequence[Part] | None) -> dict[str, Any]:
    """Returns the row as it is kept, and with `parts` what was said."""
    said = {} if parts is None else {"conversation": [msgspec.to_builtins(part) for part in parts]}
    return {**msgspec.to_builtins(row), **said}


def said(parts: Sequence[Part]) -> Iterator[str]:
    """Yields the lines of the last question and its answer."""
    asked = [part for part in parts if not part.answer]
    last = max((n for n, part in enumerate(asked) if part.role == "user" and part.kind == "text"), default=0)
    for part in [*asked[last:], *(part for part in parts if part.answer)]:
        yield from _part(part)


def _part(part: Part) -> Iterator[str]:
    kind = _OTHERS.get(part.kind, "")
    text = part.text[:_WIDEST_IMAGE] if part.kind == "image" else part.text
    first, *rest = plain_rows(f"{' '.join(filter(None, [part.role, kind, part.name]))}: {text}".rstrip("\n"))
    yield f"  {first}"
    for each in rest:
        yield f"    {each}"
