"""Says why a request has no recording: which one is nearest, and what differs.

Rule: it fits on one screen, at most 20 lines of at most 100 characters, and never shows what looks like a secret."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from aigw.core.difference import Change
from aigw.core.json_path import format_path
from aigw.core.plain import plain
from aigw.core.redaction import Redaction, shown
from aigw.core.secrets import is_secret
from aigw.traffic.matching.comparison import changed, likeness, place_of
from aigw.traffic.volatility.proposal import proposed, yaml_of

WIDTH = 100
"""The longest line, in characters."""
MOST_SHOWN = 8
"""How many differences are shown. Of the others, only the number is."""
MOST_RULES = 4
_LONGEST_PATH = 50
_SHORTEST_TEXT = 16
_INDENT = "  "


class Difference(NamedTuple):
    """A difference of two requests, ready to be shown. `path` leads to it in the body, such as `messages[3].content`.
    `old` is the recorded value, `new` the present one; of a text, only the part around the difference. `op` is as in
    `core.difference`."""

    op: str
    path: str
    old: str
    new: str

    def __str__(self) -> str:
        if self.op == "replace":
            return f"{self.path}: {self.old} -> {self.new}"
        return f"{self.path} added: {self.new}" if self.op == "add" else f"{self.path} removed: {self.old}"


class Nearest(NamedTuple):
    """The recording that is most similar to a request. `rules` would make both equal; there are none if more than
    values within texts differ."""

    name: str
    differences: list[Difference]
    rules: list[str]


def differences(recorded: dict[str, Any], asked: dict[str, Any], secrets: Iterable[str] = ()) -> list[Difference]:
    """Returns the differences of two canonical forms. `secrets` are those of the configuration."""
    return shown_differences(changed(recorded, asked), recorded, asked, secrets)


def shown_differences(
    found: Sequence[Change], recorded: dict[str, Any], asked: dict[str, Any], secrets: Iterable[str]
) -> list[Difference]:
    """Returns changes between two canonical forms as they are shown."""
    hides = Redaction(secrets)
    hides.learn_json(recorded)
    hides.learn_json(asked)
    return [_difference(change, hides) for change in found]


def nearest(
    asked: dict[str, Any], candidates: Iterable[tuple[str, dict[str, Any]]], secrets: Iterable[str] = ()
) -> Nearest | None:
    """Returns the candidate that is most similar to a canonical form, None if there are no candidates. If several are
    equally similar, returns the last one."""
    best: tuple[float, str, dict[str, Any]] | None = None
    for name, value in candidates:
        alike = likeness(value, asked)
        if best is None or alike >= best[0]:
            best = alike, name, value
    if best is None:
        return None
    found = changed(best[2], asked)
    return Nearest(best[1], shown_differences(found, best[2], asked, secrets), _rules(found))


def divergence(name: str, found: Sequence[Difference]) -> str:
    """Returns one line: the n-th call of a session is not the one that was recorded."""
    first = f": {found[0]}" if found else ""
    return shown(f"{name} was recorded for another request{first}{_more(found)}")


def explained(what: str, folder: str, near: Nearest | None, allowed: str = "", *, edited: bool = False) -> str:
    """Returns why a request has no recording, in several lines, and what to do. `what` names the request, `allowed` a
    limit. `edited`: the nearest recording has this request, and the key of another one."""
    room = max(WIDTH - len(what) - len(": no recording in "), _SHORTEST_TEXT)
    place = folder if len(folder) <= room else f"...{folder[3 - room :]}"
    lines = [f"{what}: no recording in {place}", *filter(None, [allowed])]
    if near is None:
        lines.append("No recording there is of this API.")
    elif edited:
        lines.append(f"{near.name} was edited: it has this request, but the key of another one.")
        lines.append('Take the line "key" out of it, and it is found.')
        return _on_a_screen(lines)
    else:
        lines.append(f"The nearest is {near.name}. It differs here (recorded -> asked for):")
        lines += [_INDENT + str(each) for each in near.differences[:MOST_SHOWN]]
        if (more := len(near.differences) - MOST_SHOWN) > 0:
            lines.append(f"{_INDENT}and in {more} more place{'s' * (more > 1)}")
        rules = [rule for rule in near.rules if len(rule) <= WIDTH - len(_INDENT) - len("- ") and shown(rule) == rule]
        lines.append("If it varies by itself, declare it under record.volatile.rules" + (":" if rules else "."))
        lines += [f"{_INDENT}- {rule}" for rule in rules[:MOST_RULES]]
    lines.append("If it is meant: --auto records what is missing, --refresh all that a run uses.")
    return _on_a_screen(lines)


def _on_a_screen(lines: Iterable[str]) -> str:
    return "\n".join(_cut(shown(line), WIDTH) for line in lines)


def _rules(found: Sequence[Change]) -> list[str]:
    rules = dict.fromkeys(map(proposed, found))
    return [yaml_of(rule) for rule in rules if rule] if all(rule and rule.regex for rule in rules) else []


def _difference(change: Change, hides: Redaction) -> Difference:
    place = place_of(change.path)
    path = _cut(shown(format_path(place)), _LONGEST_PATH)
    room = WIDTH - len(_INDENT) - len(path) - len(' removed: "..."')
    limit = max(room // 2 - len('"......"') if change.op == "replace" else room, _SHORTEST_TEXT)
    old, new = change.old, change.new
    if isinstance(old, str) and isinstance(new, str) and not is_secret(place):
        old, new = map(_quoted, hides.pair(old, new, limit))
    else:
        old, new = (plain(hides.json(place, value, limit)) for value in (old, new))
    return Difference(change.op, path, old, new)


def _more(found: Sequence[Difference]) -> str:
    return f" and {len(found) - 1} more" if len(found) > 1 else ""


def _quoted(text: str) -> str:
    return plain(json.dumps(text, ensure_ascii=False))


def _cut(text: str, limit: int) -> str:
    return text if len(text) <= limit else f"{text[: limit - 3]}..."
