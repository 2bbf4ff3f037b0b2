"""Finds what varies between two recordings of one run, and proposes the rules that declare it volatile."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from msgspec import Struct

from aigw.core.json_path import JsonPath, format_path
from aigw.core.redaction import shown
from aigw.traffic.matching.comparison import changed, place_of
from aigw.traffic.matching.miss import Difference, shown_differences
from aigw.traffic.volatility.proposal import proposed
from aigw.traffic.volatility.rules import VolatileRule

_INDEX = re.compile(r"\[\d+\]")


class RunCall(NamedTuple):
    """A call of a run: the number of its session, its position there, and its canonical form."""

    session: int
    position: int
    value: dict[str, Any]


class Varying(Struct, kw_only=True):
    """Something that varies. `path` is its place with `*` for indices, such as `messages[*].content`; `example` is the
    first difference there, `calls` how many calls differ so. `rule` makes them equal; None if nothing should."""

    path: str
    example: Difference
    rule: VolatileRule | None
    calls: int = 0


class Lint(NamedTuple):
    """The comparison of two runs. `same` counts calls with equal requests, `different` calls with different ones, and
    `only_first` and `only_second` calls without a counterpart. `varying` is in the order of the run."""

    same: int
    different: int
    only_first: int
    only_second: int
    varying: list[Varying]


def lint(first: Iterable[RunCall], second: Iterable[RunCall], secrets: Sequence[str] = ()) -> Lint:
    """Compares two runs. Calls belong together if session and position are the same. `secrets` are those of the
    configuration."""
    one, other = ({(call.session, call.position): call.value for call in run} for run in (first, second))
    common = sorted(one.keys() & other.keys())
    found: dict[tuple[str, str, VolatileRule | None], Varying] = {}
    different = 0
    for place in common:
        changes = changed(one[place], other[place])
        different += bool(changes)
        examples = shown_differences(changes, one[place], other[place], secrets)
        kinds = {}
        for change, example in zip(changes, examples, strict=True):
            path, rule = _pattern(change.path), proposed(change)
            kinds[change.op, path, rule] = found.setdefault(
                (change.op, path, rule), Varying(path=path, example=example, rule=rule)
            )
        for varying in kinds.values():
            varying.calls += 1
    return Lint(
        len(common) - different, different, len(one) - len(common), len(other) - len(common), list(found.values())
    )


def _pattern(path: JsonPath) -> str:
    return shown(_INDEX.sub("[*]", format_path(place_of(path))))
