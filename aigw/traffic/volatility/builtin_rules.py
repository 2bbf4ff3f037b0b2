"""Finds values in texts that vary between two runs of one program without meaning anything.

Rule: that two values are equal counts if it cannot be chance. So equal UUIDs, ids and paths get the same number; times
and dates get none, because they are equal only if a program was fast enough. A match never depends on what another rule
has replaced beside it, and nothing is found within a placeholder.

Each pattern begins with characters that are rare, not with an assertion: Python's engine then skips most of a text."""

from __future__ import annotations

import re
from typing import NamedTuple

PLACEHOLDER = re.compile(r"<(?:uuid|id|path) \d+>|<(?:time|date|folder|home|value)>")
"""Matches the placeholders of volatile values."""

_REPLACED = (
    "<time>", "<date>", "<folder>", "<home>", "<value>",
    *(rf"<{name} {digits}>" for name in ("id", "(?:uuid|path)") for digits in (r"\d", r"\d\d", r"\d\d\d")),
)  # fmt: skip
"""The placeholders after which no path begins, each with a length that Python's engine knows."""
_NAME = r"[\w.@+~-]+"
_GAP = r"[\\/]{1,4}"


def _starting(first: str) -> str:
    """Returns a pattern for the `first` character of a path: not within a word, but after a line end that is escaped,
    as in JSON within JSON."""
    return rf"{first}(?:(?<![\w.-]{first})|(?<=\\[nrt]{first}))" + "".join(f"(?<!{each}{first})" for each in _REPLACED)


_ENDING = rf"(?![\w-])(?!{PLACEHOLDER.pattern})"
"""A folder ends here: `/home/me` is not in `/home/me2`."""

_PATH = re.compile(
    _starting("/") + rf"(?:(?:private/|var/)?tmp|(?:private/)?var/folders/{_NAME}/{_NAME}/{_NAME})"
    rf"/(?:pytest-of-{_NAME}/pytest-\d+(?:/popen-gw\d+)?|{_NAME})"
)
"""Of a temporary path only the folder that is new each time: what is in it keeps its name."""
_WINDOWS_PATH = re.compile(rf"{_starting('[A-Za-z]')}:{_GAP}(?:[^\\/:*?\"<>|\n]+{_GAP}){{0,6}}[Tt]e?mp{_GAP}{_NAME}")

_MONTH = r"(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[a-z]{0,6}\.?"
_WEEKDAY = r"(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day"
_SHORT_WEEKDAY = r"(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)"
_ORDINAL = r"\d{1,2}(?:st|nd|rd|th)?"
_DAY = (
    r"(?:\d{4} ?年 ?\d{1,2} ?月 ?\d{1,2} ?日(?: ?(?:星期|周)[一二三四五六日天])?"
    rf"|\d{{4}}[-/.]\d{{1,2}}[-/.]\d{{1,2}}|\d{{1,2}}[-/.]\d{{1,2}}[-/.]\d{{4}}"
    rf"|{_MONTH} {_ORDINAL},? \d{{4}}|{_ORDINAL}\.? (?:of )?{_MONTH},? \d{{4}})"
)
_CLOCK = r"\d{1,2}:\d{2}(?::\d{2}(?:[.,]\d{1,9})?)?(?: ?[AaPp]\.?[Mm]\.?)?(?: ?(?:Z|UTC|GMT|[+-]\d{2}:?\d{2}))?"
_TODAY = (
    r"[TtCcLl今当现](?:oday(?:['’]s [Dd]ate)?|urrent(?:[ _-][Dd]ate)?(?:[ _-](?:and[ _-])?[Tt]ime)?|ocal date"
    r"|天(?:的日期)?|日|前(?:日期|时间)|在)"
    r"(?:(?: (?:is|now|today)){1,3}:?|[\"'*]{0,3} ?[:：>=][\"'*]{0,3}|[是为]：?) {0,2}[\"']?"
)
"""Matches the words before today's date: `Today's date:`, `Current date is`, `<current_date>`, `当前日期：`."""
_DATE = re.compile(
    rf"({_TODAY})(?:(?:(?:{_WEEKDAY}|{_SHORT_WEEKDAY}),? ?)?{_DAY}"
    rf"(?:(?:,? (?:at )?|T){_CLOCK}| \({_WEEKDAY}\)| UTC(?:[+-]\d{{2}}:?\d{{2}})?)?|{_WEEKDAY}|{_CLOCK})",
)
_LISTED_DATE = re.compile(rf"(\.(?<=\d\.) Date: ){_DAY}")
"""In a list of what Cline runs on."""

_SECONDS = r"(?::\d{2}(?:[.,]\d{1,9})?)?"
_TIME = re.compile(
    rf"[0-9](?:\d{{3}}-\d{{2}}-\d{{2}}[T ]\d{{2}}:\d{{2}}{_SECONDS}(?:Z| ?[+-]\d{{2}}:?\d{{2}})?"
    r"|\d{7}T\d{6}(?:[.,]\d{1,9})?Z?)"
)
_DAY_AND_TIME = re.compile(rf"[MTWFS](?:on|ue|ed|hu|ri|at|un),? {_TIME.pattern}")
_HEX = "[0-9a-fA-F]"
_UUID = re.compile(rf"{_HEX}{_HEX}{{7}}-{_HEX}{{4}}-{_HEX}{{4}}-{_HEX}{{4}}-{_HEX}{{12}}")


class Kind(NamedTuple):
    """A kind of volatile value. Only a text in which one of the `hints`, which are fast, finds something can contain
    one. If it is `numbered`, different values stay different. The first group of a match, if there is one, stays."""

    name: str
    hints: tuple[re.Pattern[str], ...]
    pattern: re.Pattern[str]
    numbered: bool = False


def _hints(*patterns: str) -> tuple[re.Pattern[str], ...]:
    return tuple(map(re.compile, patterns))


KINDS = (
    Kind("path", _hints("tmp/", "/var/folders/"), _PATH, numbered=True),
    Kind("path", _hints(r"mp\\"), _WINDOWS_PATH, numbered=True),
    Kind("date", _hints("oday", "urrent", "ocal date", "今", "当前", "现在"), _DATE),
    Kind("date", _hints(r"\d\. Date: "), _LISTED_DATE),
    Kind("time", _hints(r"[a-z],? \d{4}-\d\d-\d\d[T ]"), _DAY_AND_TIME),
    Kind("time", _hints(r"-\d\d[T ]\d\d:", r"T\d{6}"), _TIME),
    Kind("uuid", _hints(f"-{_HEX}{{4}}-{_HEX}{{4}}-"), _UUID, numbered=True),
)
"""In the order in which a text is searched: a path may contain the others."""


def folder_kind(name: str, folder: str) -> Kind | None:
    """Returns the kind that finds this folder and what is in it, None for the root and without a folder."""
    steps = [re.escape(step) for step in re.split(r"[\\/]", folder) if step]
    if not steps or (len(steps) == 1 and steps[0].endswith(":")):
        return None
    if "\\" in folder:
        first, rest = re.escape(folder[0]), _GAP.join(steps)[len(re.escape(folder[0])) :]
    else:
        first, rest = "/", "/".join(steps)
    hint = steps[-1] if "\\" in folder else first + rest
    return Kind(name, _hints(hint), re.compile(_starting(first) + rest + _ENDING))


def may_contain(kind: Kind, text: str) -> bool:
    for hint in kind.hints:  # noqa: SIM110 - any() is a call more for each text
        if hint.search(text):
            return True
    return False
