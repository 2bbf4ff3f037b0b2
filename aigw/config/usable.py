"""Finds the usable part of a configuration with mistakes, so that further mistakes are found in the same run."""

from __future__ import annotations

import copy
import re
from typing import Any

import msgspec

from aigw.core.json_path import JsonPath

MOST = 50
"""How many wrong values are left out at most."""
_STAND_INS: tuple[Any, ...] = ("", 0, [], {})
"""What stands for a required field that is missing: the first one that fits."""
_MISSING = re.compile(r"missing required field `([^`]+)`(?: - at `\$(.*)`)?$")
_PLACE = re.compile(r" - at `\$(.*)`$")
_STEP = re.compile(r"\.([^.\[\]]+)|\[(\d+|\.\.\.)\]")


def usable(value: Any, type_: Any) -> tuple[Any, list[JsonPath]]:
    """Returns the value as `type_` without its wrong fields, and the places of wrong or missing required fields.
    Returns None if a wrong part cannot be left out, such as one of several sections."""
    value = copy.deepcopy(value)
    left_out: list[JsonPath] = []
    for _ in range(MOST):
        try:
            return msgspec.convert(value, type_), left_out
        except msgspec.ValidationError as error:
            if missing := _MISSING.search(str(error)):
                place = (*_steps(missing[2]), missing[1])
                if not _stand_in(value, place, left_out.count(place)):
                    break
            else:
                place = _place_of(str(error))
                if not place or not _leave_out(value, place):
                    break
            left_out.append(place)
    return None, []


def touches(place: JsonPath, others: list[JsonPath]) -> bool:
    """Whether one of the others is at the place, around it or in it."""
    return any(place[: len(other)] == other or other[: len(place)] == place for other in others)


def _place_of(message: str) -> JsonPath:
    """Returns the path of the field that a message of msgspec is about, () if it names none."""
    found = _PLACE.search(message)
    steps = _steps(found[1] if found else "")
    while steps and isinstance(steps[-1], int):
        steps.pop()
    return tuple(steps)


def _steps(written: str | None) -> list[str | int]:
    """Returns the steps of a place as msgspec writes it, up to one that it does not tell."""
    steps: list[str | int] = []
    for name, index in _STEP.findall(written or ""):
        if index == "...":
            break
        steps.append(name or int(index))
    return steps


def _stand_in(value: Any, place: JsonPath, tried: int) -> bool:
    """Puts something in the place of a required field. `tried` counts the stand-ins and their removals before."""
    *around, name = place
    for step in around:
        value = value[step]
    turn = tried // 2
    if turn >= len(_STAND_INS) or not isinstance(value, dict) or name in value:
        return False
    value[name] = copy.deepcopy(_STAND_INS[turn])
    return True


def _leave_out(value: Any, place: JsonPath) -> bool:
    """Returns False if the field is not there, or holds sections: their places would change or be lost."""
    *around, name = place
    for step in around:
        value = value[step]
    wrong = value.get(name) if isinstance(value, dict) else None
    items = wrong.values() if isinstance(wrong, dict) else wrong if isinstance(wrong, list) else ()
    if wrong is None or any(isinstance(item, dict) for item in items):
        return False
    del value[name]
    return True
