"""The rules of the user: words, found by Aho-Corasick in one pass, and regular expressions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from typing import Any

from aigw.guard.engine import spans
from aigw.guard.rule import Rule
from aigw.guard.settings import UserRule
from aigw.guard.view import Span

REACH = 256
"""A finding of a regular expression is taken to have no more characters than this."""


def user_rules(rules: Iterable[UserRule]) -> Iterator[Rule]:
    for rule in rules:
        longest = max(map(len, rule.words), default=0)
        reach = max(longest, REACH if rule.regex else 0)
        words = automaton(rule.words) if rule.words else None
        find = partial(_found, words, rule.regex)
        yield Rule(rule.label, rule.label, rule.level, rule.action, reach, "a rule of the configuration", find)


def automaton(words: Sequence[str]) -> Any:
    import ahocorasick

    made = ahocorasick.Automaton()
    for word in words:
        made.add_word(word.lower(), len(word))
    made.make_automaton()
    return made


def _found(words: Any, patterns: Sequence[str], text: str) -> Iterator[Span]:
    if words is not None:
        for last, length in words.iter(text.lower()):
            if _whole(text, last + 1 - length, last + 1):
                yield last + 1 - length, last + 1
    for pattern in patterns:
        yield from spans(pattern, text)


def _whole(text: str, start: int, end: int) -> bool:
    """Whether a word of ASCII letters is not a part of a longer one."""
    return not (_joins(text, start) or _joins(text, end))


def _joins(text: str, at: int) -> bool:
    around = text[max(at - 1, 0) : at + 1]
    return 0 < at < len(text) and around.isascii() and around.isalnum()
