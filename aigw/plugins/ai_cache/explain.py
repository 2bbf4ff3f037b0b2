"""Why a request is not answered from the cache: the stored one that is nearest to it, and where they differ."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from aigw.core.difference import changes
from aigw.core.json_path import JsonPath
from aigw.plugins.ai_cache.entry import Entry
from aigw.plugins.ai_cache.key import shortened

_ORDER = ("path", "headers", "after", "body")


class KeyDifference(msgspec.Struct, frozen=True):
    """`where` is a path such as body.messages[1].content; None is what is not there. Long texts are shortened."""

    where: str
    stored: Any
    asked: Any


class Nearest(msgspec.Struct, frozen=True):
    key: str
    created: float
    differences: list[KeyDifference]


def differences(stored: bytes, asked: bytes) -> list[KeyDifference]:
    """Where two requests differ, as `key.CacheKeys.parts` has them; what comes first in a request comes first."""
    old, new = shortened(msgspec.json.decode(stored)), shortened(msgspec.json.decode(asked))
    return [
        KeyDifference(_written((part, *change.path)), change.old, change.new)
        for part in _ORDER
        for change in changes(old.get(part), new.get(part))
    ]


def nearest(asked: bytes, entries: Iterable[tuple[str, Entry]]) -> Nearest | None:
    """The entry with the fewest differences, the newest of several; None if there is no entry."""
    best: tuple[int, float] | None = None
    found = None
    for key, entry in entries:
        different = differences(entry.parts, asked)
        rank = (len(different), -entry.created)
        if best is None or rank < best:
            best, found = rank, Nearest(key, entry.created, different)
    return found


def _written(path: JsonPath) -> str:
    text = ""
    for step in path:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else step
    return text
