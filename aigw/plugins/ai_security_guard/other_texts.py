"""Groups the texts of a request that are not in its turns for being checked. Sans-io. Those of one message, item or
tool become one text with many lines, because they are short and many."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

from aigw.core.dialect import Asked, TextPlace
from aigw.core.json_path import JsonPath
from aigw.core.pace import resting
from aigw.plugins.ai_security_guard.arguments import leaves_of


def beside(asked: Asked, turns: Sequence[TextPlace], *, everything: bool) -> Iterator[tuple[str, Sequence[TextPlace]]]:
    """Yields texts with their places. `turns` are `asked.places`. Without `everything`, those are left out that an
    answer has followed."""
    last = next((_element(place.path) for place in reversed(turns) if place.role == "assistant"), ())
    for element, places in groupby(resting(asked.other_places(turns)), lambda place: _element(place.path)):
        if everything or not _is_before(element, last):
            together = list(places)
            yield "\n".join([_text(place) for place in together]), together


def _element(path: JsonPath) -> JsonPath:
    """Returns the path of the list element that contains this place, or else the path of the field."""
    return path[:2] if len(path) > 1 and isinstance(path[1], int) else path[:1]


def _is_before(element: JsonPath, last: JsonPath) -> bool:
    """Whether it is the last one or one before it in the same list."""
    if not last or element[:-1] != last[:-1]:
        return False
    at, end = element[-1], last[-1]
    return isinstance(at, int) and isinstance(end, int) and at <= end


def _text(place: TextPlace) -> str:
    leaves = leaves_of(place.text) if place.is_call else None
    return place.text if leaves is None else "\n".join(leaves)
