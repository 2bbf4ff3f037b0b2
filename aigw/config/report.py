"""Errors and notes about a configuration. They are collected with their places, not raised.

A finding never shows a value that came from the environment, nor a value under a key that names a secret."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any, NamedTuple

from aigw.core.json_path import JsonPath, format_path
from aigw.core.redaction import without_secrets
from aigw.core.secrets import HIDDEN, is_secret, without_password

EXIT_CODE = 2
"""The exit code of a command that refuses a configuration."""
MOST_FINDINGS = 1000
"""How many findings are kept. Nobody reads more, and a hostile file could cause very many."""


class Finding(NamedTuple):
    """An error or a note about a place of a file. `line` is 0 if the file has no such place."""

    line: int
    path: JsonPath
    message: str


@dataclass(slots=True)
class Report:
    """Errors and notes about the file `name`. `lines` has the line of each path. Messages do not show the
    values at the paths in `hidden`."""

    name: str
    lines: Mapping[JsonPath, int] = field(default_factory=dict)
    hidden: Collection[JsonPath] = ()
    errors: list[Finding] = field(default_factory=list)
    notes: list[Finding] = field(default_factory=list)

    @property
    def is_full(self) -> bool:
        """Whether further errors are left out."""
        return len(self.errors) >= MOST_FINDINGS

    def error(self, path: JsonPath, message: str, line: int = 0) -> None:
        self._add(self.errors, Finding(line or self.line(path), path, message))

    def note(self, path: JsonPath, message: str) -> None:
        self._add(self.notes, Finding(self.line(path), path, message))

    @contextmanager
    def aside(self) -> Iterator[tuple[list[Finding], list[Finding]]]:
        """Collects the errors and notes of the block apart from the others."""
        kept = self.errors, self.notes
        self.errors, self.notes = [], []
        try:
            yield self.errors, self.notes
        finally:
            self.errors, self.notes = kept

    def add(self, errors: Iterable[Finding], notes: Iterable[Finding]) -> None:
        """Adds findings that were collected aside, unless the report has them already."""
        for finding in errors:
            self._add(self.errors, finding)
        for finding in notes:
            self._add(self.notes, finding)

    def line(self, path: JsonPath) -> int:
        """The line of `path`, or of the nearest place around it that is in the file; 0 if there is none."""
        for length in range(len(path), -1, -1):
            if line := self.lines.get(path[:length]):
                return line
        return 0

    def say(self, path: JsonPath, value: Any) -> str:
        """`value` for a message: short, and `***` where it is a secret."""
        if is_secret(path) or path in self.hidden:
            return HIDDEN
        text = without_secrets(repr(without_password(value) if isinstance(value, str) else value))
        return text if len(text) <= 60 else f"{text[:57]}..."

    def format(self, finding: Finding) -> str:
        """Writes a finding as one line: `aigw.yaml:14 plugins.ai-cache: unknown key 'ttl'; did you mean 'cacheTTL'?`"""
        place = f"{self.name}:{finding.line}" if finding.line else self.name
        where = format_path(finding.path)
        return f"{place} {where}: {finding.message}" if where else f"{place}: {finding.message}"

    def format_all(self, findings: Iterable[Finding]) -> list[str]:
        """Writes findings as lines, in the order of the file."""
        return [self.format(finding) for finding in sorted(findings, key=lambda each: each.line)]

    def _add(self, findings: list[Finding], finding: Finding) -> None:
        if len(findings) < MOST_FINDINGS and finding not in findings:
            findings.append(finding)


def suggest(name: str, known: Iterable[str]) -> str:
    """The end of a message about an unknown name: `; did you mean 'cacheTTL'?`, or the names that there are, or ""."""
    names = {_bare(each): each for each in known}
    bare = _bare(name)
    close = [each for each in names if len(bare) > 2 and (bare in each or (len(each) > 2 and each in bare))]
    close = get_close_matches(bare, names, 1, 0.6) or sorted(close, key=len)
    if close:
        return f"; did you mean {names[close[0]]!r}?"
    if names and len(names) <= 8:
        return f"; known: {', '.join(sorted(names.values()))}"
    return ""


def _bare(name: str) -> str:
    return re.sub(r"[_\-\s]", "", name).lower()
