"""Finds what a configuration says for one consumer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Generic, Protocol, TypeVar

from aigw.higress.re2 import GoRegex


class Entry(Protocol):
    @property
    def name(self) -> str: ...

    @property
    def match_type(self) -> str: ...


E = TypeVar("E", bound=Entry)


def entries_of(given: Sequence[E] | E) -> Sequence[E]:
    """The entries of a configuration: Higress takes a single one for a list of one."""
    return given if isinstance(given, Sequence) else [given]


class ByConsumer(Generic[E]):
    """Finds the settings of a consumer by name or pattern. Raises ValueError for a wrong regular expression."""

    def __init__(self, entries: Sequence[E] | E) -> None:
        self._entries = [(_matcher(entry), entry) for entry in entries_of(entries)]

    def find(self, consumer: str) -> E | None:
        """The first entry that is for this consumer."""
        return next((entry for fits, entry in self._entries if fits(consumer)), None)


def _matcher(entry: Entry) -> Callable[[str], bool]:
    if entry.match_type == "regexp":
        return GoRegex(entry.name).search
    if not entry.name:
        return lambda consumer: False  # not those without a name either
    if entry.match_type == "prefix":
        return lambda consumer: consumer.startswith(entry.name)
    return lambda consumer: consumer == entry.name
