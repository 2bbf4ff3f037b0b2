"""Explains a miss: finds the stored request that is most similar, and the differences between the two."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from aigw.core.difference import changes
from aigw.core.json_path import JsonPath
from aigw.core.redaction import value_without_secrets, without_secrets
from aigw.plugins.ai_cache.entry import Entry
from aigw.plugins.ai_cache.key import shortened

_ORDER = ("path", "headers", "after", "body")


class KeyDifference(msgspec.Struct, frozen=True):
    """A difference between two requests. `where` is a path such as body.messages[1].content. A value is None if the
    request does not have it. Long texts are shortened."""

    where: str
    stored: Any
    asked: Any


class Nearest(msgspec.Struct, frozen=True):
    """The most similar entry: its key, when it was stored (seconds since 1970), and how it differs."""

    key: str
    created: float
    differences: list[KeyDifference]


def differences(stored: bytes, asked: bytes) -> list[KeyDifference]:
    """Returns the differences of two requests, in the order of a request. The arguments are results of
    `key.CacheKeys.parts`."""
    old, new = shortened(msgspec.json.decode(stored)), shortened(msgspec.json.decode(asked))
    return [
        KeyDifference(_written((part, *change.path)), change.old, change.new)
        for part in _ORDER
        for change in changes(old.get(part), new.get(part))
    ]


def nearest(asked: bytes, entries: Iterable[tuple[str, Entry]]) -> Nearest | None:
    """Returns the entry that differs least, and the newest one of several. None if there are no entries. What looks
    like a secret is hidden in the differences."""
    best: tuple[int, float] | None = None
    found = None
    for key, entry in entries:
        different = differences(entry.parts, asked)
        rank = (sum(map(_weight, different)), -entry.created)
        if best is None or rank < best:
            best, found = rank, Nearest(key, entry.created, different)
    if found is None:
        return None
    return msgspec.structs.replace(found, differences=[_without_secrets(each) for each in found.differences])


def _weight(each: KeyDifference) -> int:
    """Returns how many values differ. A message that is there or not counts with all that is in it: else an earlier
    call of a conversation would be nearer than the same call of another run, of which only an id differs."""
    count, left = 0, [each.stored, each.asked] if each.stored is None or each.asked is None else [None]
    while left:
        value = left.pop()
        if isinstance(value, dict | list) and value:
            left += value.values() if isinstance(value, dict) else value
        else:
            count += 1
    return count


def _without_secrets(each: KeyDifference) -> KeyDifference:
    path = (each.where.rpartition(".")[2],)
    return KeyDifference(
        without_secrets(each.where), value_without_secrets(each.stored, path), value_without_secrets(each.asked, path)
    )


def _written(path: JsonPath) -> str:
    text = ""
    for step in path:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else step
    return text
