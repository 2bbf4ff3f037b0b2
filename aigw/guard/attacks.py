"""Finds attempts to give a model other instructions, by known wording. Other wording is not found.

Rule: a pattern is sure, or it is a hint. Several different hints near each other count, with level medium. A single
hint counts only with `strict`, with level low."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from aigw.guard.engine import any_of, occurs, spans
from aigw.guard.finding import ATTACK
from aigw.guard.rule import Hit, Rule
from aigw.guard.wording import Wording
from aigw.guard.wording_chinese import CHINESE
from aigw.guard.wording_english import ENGLISH
from aigw.guard.wording_european import EUROPEAN

NEAR = 400
"""How many characters may lie between the beginnings of two hints that count together."""
_REACH = 300

RULES = tuple(
    Rule(name, ATTACK, "high", "report", _REACH, about)
    for name, about in (
        ("override", "drops or replaces instructions"),
        ("jailbreak", "a role or mode without rules"),
        ("prompt-leak", "asks for the system prompt"),
        ("indirect", "a document that speaks to models"),
        ("exfiltration", "sends what a model knows away"),
    )
)


class _Known(NamedTuple):
    """A wording, and patterns that are found wherever any of its sure patterns is, or any of its hints, or any of
    both."""

    wording: Wording
    sure: str
    hint: str
    either: str


def _known(wording: Wording) -> _Known:
    sure = any_of(*(pattern for patterns in wording.sure.values() for pattern in patterns))
    hint = any_of(*(pattern for _, pattern in wording.hints))
    # Two searches in one spare 2 us a text; in English they make so many states that they take three times as long.
    return _Known(wording, sure, hint, "" if wording is ENGLISH else any_of(sure, hint))


WORDINGS = (ENGLISH, CHINESE, EUROPEAN)
_KNOWN = tuple(map(_known, WORDINGS))
_HINT, _WEAK, _ENOUGH = 2, 1, 4


class _Seen(NamedTuple):
    start: int
    end: int
    rule: str
    pattern: int
    weight: int


def find(text: str, strict: bool = False, hidden: bool = False) -> Iterator[Hit]:
    """Finds attacks. In a text that was `hidden` in another one, a single hint is enough."""
    for wording, sure, hint, either in _KNOWN:
        if (wording.beyond_ascii and text.isascii()) or (either and not occurs(either, text)):
            continue
        if occurs(sure, text):
            yield from _sure(text, wording)
        if occurs(hint, text):
            yield from _hints(text, wording, strict, _HINT if hidden else _ENOUGH)


def _sure(text: str, wording: Wording) -> Iterator[Hit]:
    for rule, patterns in wording.sure.items():
        yield from (Hit(rule, start, end) for start, end in spans(any_of(*patterns), text))


def _hints(text: str, wording: Wording, strict: bool, wanted: int) -> Iterator[Hit]:
    seen = sorted(_seen(text, wording))
    enough = _enough(seen, wanted)
    for place, each in enumerate(seen):
        if place in enough:
            yield Hit(each.rule, each.start, each.end, "medium")
        elif strict and each.weight == _HINT:
            yield Hit(each.rule, each.start, each.end, "low")


def _seen(text: str, wording: Wording) -> Iterator[_Seen]:
    weighed = [*((_HINT, each) for each in wording.hints), *((_WEAK, each) for each in wording.weak)]
    for number, (weight, (rule, pattern)) in enumerate(weighed):
        yield from (_Seen(start, end, rule, number, weight) for start, end in spans(pattern, text))


def _enough(seen: Sequence[_Seen], wanted: int) -> set[int]:
    """The places in `seen` of those that are enough together with others that stand near them."""
    enough: set[int] = set()
    near: dict[int, int] = {}
    for place, each in enumerate(seen):
        near[each.pattern] = place
        near = {pattern: other for pattern, other in near.items() if each.start - seen[other].start <= NEAR}
        apart = list(_without_overlaps(seen, sorted(near.values())))
        if sum(seen[other].weight for other in apart) >= wanted:
            enough.update(apart)
    return enough


def _without_overlaps(seen: Sequence[_Seen], places: Sequence[int]) -> Iterator[int]:
    """Yields those places that do not overlap an earlier one, so that the same words do not count twice."""
    end = 0
    for place in places:
        if seen[place].start >= end:
            end = seen[place].end
            yield place
