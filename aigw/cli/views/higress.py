"""The report of an import from a Higress, or of an export to one: what was lost first."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from typing import Any

from aigw.core.plain import plain as plain_text
from aigw.core.redaction import shown
from aigw.resources.report import LEVELS, Entry, Findings
from aigw.resources.resource import GATEWAY_NAMESPACE
from aigw.resources.variables import SECRET

WIDTH = 80
_LEVEL = 13
_MEANINGS = {
    "none": "lost",
    "unknown": "unknown here",
    "approximate": "approximate",
    "exact": "exact",
}


def lines(findings: Findings) -> Iterator[str]:
    for level in reversed(LEVELS):
        for entry in findings.of(level):
            yield _line(entry)
    yield summary(findings)


def _line(entry: Entry) -> str:
    subject = textwrap.wrap(_subject(entry), WIDTH - _LEVEL, break_on_hyphens=False)
    head = f"{entry.level:<{_LEVEL}}{subject[0]}"
    indent = " " * _LEVEL
    further = subject[1:]
    for mark, text in (("", entry.message), ("-> ", entry.nearest)):
        if text:
            wrapped = textwrap.wrap(shown(text), WIDTH - _LEVEL - len(mark), break_on_hyphens=False)
            further += [mark + line if index == 0 else " " * len(mark) + line for index, line in enumerate(wrapped)]
    return f"\n{indent}".join([head, *further])


def _folded(text: str) -> list[str]:
    return textwrap.wrap(text, WIDTH, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False)


def _subject(entry: Entry) -> str:
    place = f" ({entry.place})" if entry.place else ""
    return plain_text(f"{entry.what} {entry.field}".strip() + place)


def summary(findings: Findings) -> str:
    counts = {level: len(findings.of(level)) for level in LEVELS}
    return ", ".join(f"{counts[level]} {_MEANINGS[level]}" for level in LEVELS if counts[level] or level == "exact")


def to_set(variables: Sequence[str]) -> Iterator[str]:
    """Yields the variables that must be in the environment of the gateway."""
    if variables:
        yield from _folded(f"Set these variables, for example in .env: {', '.join(variables)}")


def to_create(keys: Sequence[str]) -> Iterator[str]:
    """Yields the keys that a Secret in the cluster must have before the resources are applied."""
    if keys:
        yield from _folded(f"The Secret {SECRET} must have: {', '.join(keys)}")
        yield f"  kubectl -n {GATEWAY_NAMESPACE} create secret generic {SECRET} --from-env-file=.env"


def markdown_table(findings: Findings) -> Iterator[str]:
    yield f"**{summary(findings)}**"
    yield ""
    yield "| | where | what is different | nearest |"
    yield "|---|---|---|---|"
    for level in reversed(LEVELS):
        for entry in findings.of(level):
            yield f"| {level} | {_cell(_subject(entry))} | {_cell(entry.message)} | {_cell(entry.nearest)} |"


def _cell(text: str) -> str:
    return shown(text).replace("\\", "\\\\").replace("|", "\\|").replace("<", "&lt;").replace("`", "\\`")


def plain(findings: Findings) -> dict[str, Any]:
    """Returns the report as plain data, for `--json`."""
    entries = [{key: shown(value) for key, value in entry._asdict().items()} for entry in findings]
    return {"lost": len(findings.lost), "report": entries}
