"""The rules of the user: words, all of them found in one pass (Aho-Corasick), and regular expressions."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate
from typing import Any, NamedTuple

from aigw.guard.engine import spans
from aigw.guard.plain_form import normal
from aigw.guard.rule import Hit, Rule
from aigw.guard.settings import UserRule
from aigw.guard.view import Span

REACH = 256
"""The assumed longest match of a user's regular expression, in characters."""
MOST = 1000
"""After so many findings of one regular expression, all that follows counts as one more."""
_WITHOUT_BLANKS = ((0x0E00, 0x0EFF), (0x1000, 0x109F), (0x1780, 0x17FF), (0x2E80, 0x10FFFF))
"""The scripts that put no blanks between words: of Thailand, Laos, Burma, Cambodia, and all of East Asia."""


class UserRules:
    """The rules of the user. `rules` has one rule for each label."""

    def __init__(self, rules: Sequence[UserRule]) -> None:
        self.rules = [
            Rule(each.label, each.label, each.level, each.action, _reach(each), _about(each)) for each in rules
        ]
        self._words = _words((each.label, word) for each in rules for word in each.words)
        self._allowed = {
            each.label: words for each in rules if (words := _words((each.label, word) for word in each.allow))
        }
        self._patterns = [(each.label, pattern) for each in rules for pattern in each.regex]

    def find(self, text: str) -> Iterator[Hit]:
        hits = [*self._of_words(text), *self._of_patterns(text)]
        labels = {hit.rule for hit in hits} & self._allowed.keys()
        allowed = {label: _Allowed(_occurrences(self._allowed[label], text)) for label in labels}
        yield from (hit for hit in hits if hit.rule not in allowed or not allowed[hit.rule].covers(hit.start, hit.end))

    def _of_words(self, text: str) -> Iterator[Hit]:
        for label, start, end in _occurrences(self._words, text):
            yield Hit(label, start, end)

    def _of_patterns(self, text: str) -> Iterator[Hit]:
        for label, pattern in self._patterns:
            for number, (start, end) in enumerate(spans(pattern, text), start=1):
                if number > MOST:
                    yield Hit(label, start, len(text))
                    break
                yield Hit(label, start, end)


class _Word(NamedTuple):
    length: int
    labels: tuple[str, ...]


class _Allowed:
    """The places of a text in which the user allows what a rule finds."""

    def __init__(self, found: Iterable[tuple[str, int, int]]) -> None:
        places: list[Span] = sorted((start, end) for _, start, end in found)
        self._starts = [start for start, _ in places]
        self._ends = list(accumulate((end for _, end in places), max))

    def covers(self, start: int, end: int) -> bool:
        place = bisect_right(self._starts, start) - 1
        return place >= 0 and self._ends[place] >= end


def _words(words: Iterable[tuple[str, str]]) -> Any:
    """Returns an automaton that finds pairs of label and word, None if there are no words."""
    labels: dict[str, list[str]] = {}
    for label, word in words:
        labels.setdefault(normal(word).text.lower(), []).append(label)
    labels.pop("", None)
    if not labels:
        return None
    import ahocorasick

    automaton = ahocorasick.Automaton()
    for word, its in labels.items():
        automaton.add_word(word, _Word(len(word), tuple(dict.fromkeys(its))))
    automaton.make_automaton()
    return automaton


def _occurrences(automaton: Any, text: str) -> Iterator[tuple[str, int, int]]:
    """Label, start and end of each word that stands in the text by itself."""
    if automaton is None:
        return
    for last, word in automaton.iter(text.lower()):
        start, end = last + 1 - word.length, last + 1
        if not (_within_word(text, start) or _within_word(text, end)):
            yield from ((label, start, end) for label in word.labels)


def _within_word(text: str, at: int) -> bool:
    """Whether the characters before and behind `at` belong to one word, in a script with blanks."""
    return 0 < at < len(text) and all(map(_in_word, text[at - 1 : at + 1]))


def _in_word(char: str) -> bool:
    return char.isalnum() and not any(first <= ord(char) <= last for first, last in _WITHOUT_BLANKS)


def _reach(rule: UserRule) -> int:
    return (
        max((len(word) for word in rule.words), default=0) if not rule.regex else max(REACH, *map(len, rule.words), 0)
    )


def _about(rule: UserRule) -> str:
    counts = ((len(rule.words), "word"), (len(rule.regex), "pattern"))
    return " and ".join(f"{count} {name}{'s' if count > 1 else ''}" for count, name in counts if count) + " of yours"
