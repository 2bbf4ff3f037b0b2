"""Finds the first of many routes that matches a request, without trying one after the other.

Rule: each route is filed under one of its conditions, the one that the fewest routes share. Only routes whose condition
fits are tried. So a thousand routes take as long as one, unless many have all their conditions in common."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from aigw.config.model import DEFAULT_ROUTE, MatchConfig
from aigw.config.rules import matches_domain
from aigw.core.model import Request
from aigw.core.path import plain

_EVERYTHING = DEFAULT_ROUTE.match
_PATH, _HOST = ":path", ":host"
"""Kinds of conditions. Those on headers have the name of the header, which has no colon."""


class RouteIndex:
    """Knows routes by their positions in `conditions`."""

    def __init__(self, conditions: Sequence[MatchConfig]) -> None:
        self._conditions = conditions
        self._open = next((at for at, match in enumerate(conditions) if match == _EVERYTHING), len(conditions))
        """The first route that takes everything: those behind it get nothing."""
        self._files: dict[str, _Patterns] = {}
        possible = [_possible(match) for match in conditions[: self._open]]
        shared = Counter((kind, each) for kinds in possible for kind, patterns in kinds for each in set(patterns))
        for position, kinds in enumerate(possible):
            kind, patterns = min(kinds, key=lambda each: max(shared[each[0], pattern] for pattern in each[1]))
            file = self._files.setdefault(kind, _Patterns())
            for pattern in set(patterns):
                file.add(pattern, position, suffixes=kind == _HOST)

    def first(self, request: Request, host: str) -> int | None:
        """The position of the first route that matches, None if none does. `host` is that of the request, in the form
        that the patterns have."""
        if self._files:
            path = plain(request.path)
            for position in sorted(self._fitting(request, path, host)):
                if matches(self._conditions[position], request, path, host):
                    return position
        return self._open if self._open < len(self._conditions) else None

    def _fitting(self, request: Request, path: str, host: str) -> list[int]:
        found: list[int] = []
        for kind, file in self._files.items():
            if kind == _PATH:
                file.collect(path, found)
                if request.given:
                    file.collect(request.given, found)
            elif kind == _HOST:
                file.collect(host, found)
            elif (value := request.headers.get(kind)) is not None:
                file.collect(value, found)
        return found


class _Patterns:
    """The positions of routes by patterns: exact ones, `prefix*` and `*suffix`, the latter two by their length."""

    def __init__(self) -> None:
        self._exact: dict[str, list[int]] = {}
        self._starts: dict[int, dict[str, list[int]]] = {}
        self._ends: dict[int, dict[str, list[int]]] = {}

    def add(self, pattern: str, position: int, *, suffixes: bool) -> None:
        part, file = pattern, self._exact
        if suffixes and pattern.startswith("*"):
            part = pattern[1:]
            file = self._ends.setdefault(len(part), {})
        elif pattern.endswith("*"):
            part = pattern[:-1]
            file = self._starts.setdefault(len(part), {})
        file.setdefault(part, []).append(position)

    def collect(self, text: str, found: list[int]) -> None:
        """Adds the routes whose pattern fits the text."""
        found += self._exact.get(text, ())
        for length, starts in self._starts.items():
            found += starts.get(text[:length], ())
        for length, ends in self._ends.items():
            found += ends.get(text[max(0, len(text) - length) :], ())


def matches(match: MatchConfig, request: Request, path: str, host: str) -> bool:
    """`path` is the plain path of the request, and `host` its host in the form that the patterns have."""
    if not _fits(match.path, path) and not (request.given and _fits(match.path, request.given)):
        return False
    if match.methods and request.method not in match.methods:
        return False
    if match.hosts and not matches_domain(match.hosts, host):
        return False
    return all(_fits(value, request.headers.get(name)) for name, value in match.headers.items())


def _possible(match: MatchConfig) -> list[tuple[str, Sequence[str]]]:
    """The conditions under which a route may be filed: the kind of each, and its patterns, of which one must fit."""
    found: list[tuple[str, Sequence[str]]] = [(_PATH, [match.path])]
    if match.hosts:
        found.append((_HOST, match.hosts))
    return [*found, *((name.lower(), [value]) for name, value in match.headers.items())]


def _fits(pattern: str, text: str | None) -> bool:
    if text is None:
        return False
    return text.startswith(pattern[:-1]) if pattern.endswith("*") else text == pattern
