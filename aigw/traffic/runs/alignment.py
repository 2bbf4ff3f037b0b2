"""Finds the corresponding calls of two runs, although calls may have been added, removed, changed or moved.

Rule: equal calls belong together, wherever they are in their session. The calls between them are paired by the last
words of the client, and then by their places."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Sequence
from difflib import SequenceMatcher
from typing import NamedTuple

from aigw.traffic.matching.index import Group

MOST_PAIRS = 1_000_000
"""Two lists with more pairs of calls are only compared from their beginnings and their ends."""


class Item(NamedTuple):
    """A call. `keys` identify its request, from exactly to roughly; the last key is that of the API. `name` is unique
    in its run. `session` is the client's name of its session, "" if it has none."""

    name: str
    group: Group
    session: str
    keys: tuple[str, ...]


class Pair(NamedTuple):
    """Two calls that correspond to each other. `old` is None for a call that was added, `new` for one that was removed.
    A `moved` call stands elsewhere now."""

    old: Item | None
    new: Item | None
    moved: bool = False


def aligned(old: Sequence[Item], new: Sequence[Item]) -> list[Pair]:
    """Returns all calls of both runs, in the order of the new one, with those that were removed where they stood."""
    pairs = [pair for before, after in _sessions(old, new) for pair in _calls(before, after, 0)]
    return _with_moves(pairs)


def _sessions(old: Sequence[Item], new: Sequence[Item]) -> Iterator[tuple[list[Item], list[Item]]]:
    """Yields pairs of sessions that belong together. A session without a counterpart comes with an empty list."""
    before, after = _grouped(old), _grouped(new)
    partner: dict[int, int] = {}
    depth = max((len(each.keys) for each in (*old, *new)), default=0)
    likeness: list[Callable[[list[Item]], Hashable]] = [
        lambda calls: calls[0].session or None,
        lambda calls: tuple(call.keys[0] for call in calls),
        *(lambda calls, level=level: calls[0].keys[level] for level in range(depth)),
    ]
    for like in likeness:
        waiting: dict[Hashable, list[int]] = {}
        taken = set(partner.values())
        for place, calls in enumerate(before):
            if place not in taken:
                waiting.setdefault(like(calls), []).append(place)
        for place, calls in enumerate(after):
            if place not in partner and (mark := like(calls)) is not None and waiting.get(mark):
                partner[place] = waiting[mark].pop(0)
    taken = set(partner.values())
    gone = [place for place in range(len(before)) if place not in taken]
    for place, calls in enumerate(after):
        while gone and gone[0] < partner.get(place, -1):
            yield before[gone.pop(0)], []
        yield before[partner[place]] if place in partner else [], calls
    for place in gone:
        yield before[place], []


def _grouped(items: Sequence[Item]) -> list[list[Item]]:
    groups: dict[Group, list[Item]] = {}
    for item in items:
        groups.setdefault(item.group, []).append(item)
    return list(groups.values())


def _calls(old: Sequence[Item], new: Sequence[Item], level: int) -> Iterator[Pair]:
    """Yields the pairs of a session: by the keys of this level, and for the calls between them by the keys of the next
    level."""
    if not old or not new or level >= len(old[0].keys):
        yield from (Pair(each, None) for each in old)
        yield from (Pair(None, each) for each in new)
        return
    i, j = 0, 0
    for i1, j1, size in _equal([each.keys[level] for each in old], [each.keys[level] for each in new]):
        yield from _calls(old[i:i1], new[j:j1], level + 1)
        yield from (Pair(old[i1 + n], new[j1 + n]) for n in range(size))
        i, j = i1 + size, j1 + size
    yield from _calls(old[i:], new[j:], level + 1)


def _equal(old: Sequence[str], new: Sequence[str]) -> Sequence[tuple[int, int, int]]:
    """Returns the parts that are equal: where they begin in both lists, and how long they are."""
    if len(old) * len(new) <= MOST_PAIRS:
        return SequenceMatcher(None, old, new, autojunk=False).get_matching_blocks()
    shorter = min(len(old), len(new))
    start = next((n for n in range(shorter) if old[n] != new[n]), shorter)
    end = next((n for n in range(shorter - start) if old[-1 - n] != new[-1 - n]), shorter - start)
    return [(0, 0, start), (len(old) - end, len(new) - end, end)]


def _with_moves(pairs: list[Pair]) -> list[Pair]:
    """Makes one pair of a call that was removed in one place and added in another."""
    gone: dict[str, list[int]] = {}
    for place, (old, new, _) in enumerate(pairs):
        if old is not None and new is None:
            gone.setdefault(old.keys[0], []).append(place)
    moved: dict[int, Pair] = {}
    dropped: set[int] = set()
    for place, (old, new, _) in enumerate(pairs):
        if old is None and new is not None and gone.get(new.keys[0]):
            there = gone[new.keys[0]].pop(0)
            moved[place] = Pair(pairs[there].old, new, moved=True)
            dropped.add(there)
    return [moved.get(place, pair) for place, pair in enumerate(pairs) if place not in dropped]
