"""Shows two recorded runs side by side as Markdown for a pull request.

Rule: it fits a comment of GitHub. Texts from outside stand in code, where they are no markup and mention
nobody."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from aigw.cli.views.diff import HEADER, answers, changes, row_of, summary
from aigw.cli.views.outcomes import total_cells
from aigw.core.plain import plain
from aigw.core.redaction import Redaction
from aigw.traffic.runs.outcome import figures
from aigw.traffic.runs.run_comparison import Comparison

MOST = 65_536
"""The longest comment, in characters."""
_SECTION = 28_000
"""The longest list of calls or differences. There are two, and what stands around them is short."""
_EXCERPT, _LONGEST_LINE, _NAMED = 120, 600, 3


def markdown(found: Comparison, old: str, new: str) -> str:
    """`old` and `new` are the names of the runs."""
    before, after = figures(found.old), figures(found.new)
    tokens, usd, ms = total_cells(before, after)
    head = [
        f"### Recordings: {code(old[-200:])} → {code(new[-200:])}",
        "",
        f"{summary(found).replace('->', '→')}.",
        "",
        "| calls | failed | tokens | $ | median time |",
        "|---|---|---|---|---|",
        f"| {before.calls} → {after.calls} | {before.errors} → {after.errors} | {tokens} | {usd} | {ms} |",
    ]
    requests = list(_requests(found))
    calls = list(_calls(found))
    return "\n".join([
        *head,
        *_folded(f"Requests that differ ({len(requests)})", [], requests),
        *_folded(f"Calls that differ ({len(calls)})", _table_head(), calls),
        "",
    ])  # fmt: skip


def _folded(title: str, head: Sequence[str], rows: Sequence[str]) -> Iterator[str]:
    """Yields a list that is opened by a click, nothing if it is empty."""
    if not rows:
        return
    yield from ("", f"<details><summary>{title}</summary>", "", *head)
    room = _SECTION
    for number, row in enumerate(rows):
        room -= len(row) + 1
        if room < 0:
            yield from ("", f"… and {len(rows) - number} more")
            break
        yield row
    yield from ("", "</details>")


def _requests(found: Comparison) -> Iterator[str]:
    for difference, calls in changes(found):
        named = ", ".join(map(code, calls[:_NAMED])) + (f" and {len(calls) - _NAMED} more" if calls[_NAMED:] else "")
        said = {
            "add": f"added: {code(difference.new)}",
            "remove": f"removed: {code(difference.old)}",
        }.get(difference.op, f"{code(difference.old)} → {code(difference.new)}")
        yield f"- {code(difference.path)} {said} ({named})"


def _table_head() -> list[str]:
    return [f"| {' | '.join(HEADER)} | answer |", f"|{'---|' * (len(HEADER) + 1)}"]


def _calls(found: Comparison) -> Iterator[str]:
    redaction = Redaction(())
    for call in found.calls:
        if call.differs:
            sign, name, *rest = row_of(call)
            said = (_change(*each) for each in answers(call, redaction, _EXCERPT))
            cells = [code(sign), code(name), *(each.replace("->", "→") for each in rest), "<br>".join(said)]
            yield f"| {' | '.join(cells)} |"


def _change(name: str, old: str, new: str) -> str:
    return f"{name}: {code(old)} → {code(new)}" if old else f"{name}: {code(new)}"


def code(text: str) -> str:
    """Returns a text as code in one line, also in a table."""
    text = plain(text)[:_LONGEST_LINE] or " "
    fence = "`" * (1 + max(map(len, re.findall("`+", text)), default=0))
    blank = " " if text[0] == "`" or text[-1] == "`" else ""
    return f"{fence}{blank}{text}{blank}{fence}".replace("|", r"\|")
