"""What the books of a gateway have of a soak, and whether that is what the provider told."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.soak.clients import Seen
from tests.soak.script import Case

Row = Mapping[str, Any]


def rows(state: Path) -> dict[str, Row]:
    """The rows of the requests, by their ids."""
    with contextlib.closing(sqlite3.connect(state / "usage.sqlite")) as database:
        database.row_factory = sqlite3.Row
        return {row["id"]: dict(row) for row in database.execute("SELECT * FROM requests")}


def held(state: Path) -> int:
    """How many estimates are set aside for calls."""
    with contextlib.closing(sqlite3.connect(state / "counters.sqlite")) as database:
        (count,) = database.execute("SELECT count(*) FROM holds WHERE amount > 0").fetchone()
        return int(count)


def problems(seen: Sequence[tuple[Case, Seen]], rows: Mapping[str, Row]) -> list[str]:
    found = [f"{case}: {said}" for case, each in seen if (said := _problem(case, each, rows.get(each.id)))]
    booked, told = sums(seen, rows).values()
    return [*found, *([f"the books have {booked} tokens, the provider told {told}"] if booked != told else [])]


def sums(seen: Sequence[tuple[Case, Seen]], rows: Mapping[str, Row]) -> dict[str, dict[str, int]]:
    """The tokens of all whole answers, in the books and as the provider told them."""
    whole = [(case, rows.get(each.id, {})) for case, each in seen if _of_the_model(each)]
    names = {"input": "prompt_tokens", "output": "completion_tokens"}
    return {
        "books": {name: sum(row.get(name) or 0 for _, row in whole) for name in names},
        "provider": {name: sum(case.usage[key] for case, _ in whole) for name, key in names.items()},
    }


def _of_the_model(seen: Seen) -> bool:
    return (seen.ended, seen.status, seen.cached) == ("whole", 200, False)


def _problem(case: Case, seen: Seen, row: Row | None) -> str:
    if not seen.id:
        return ""
    if row is None:
        return f"{seen.id} has no row"
    spent = {"prompt_tokens": row["input"], "completion_tokens": row["output"]}
    if _of_the_model(seen) or (case.kind == "denied answer" and not case.streamed):
        right = row["source"] == "reported" and spent.items() <= case.usage.items()
        return "" if right else f"{case.usage} became {dict(row)}"
    if seen.ended == "left" and seen.text and not row["output"]:
        return f"what its client read before it left is not counted: {dict(row)}"
    if seen.cached or case.kind in ("denied", "wrong body") or not row["attempts"]:
        return "" if not any(spent.values()) else f"{seen.status} has cost tokens: {dict(row)}"
    return ""
