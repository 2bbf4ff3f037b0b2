"""What varies between two runs of one program without meaning anything, found in any text.

Rule: what two values have in common counts as long as it cannot be chance. So equal UUIDs, ids and paths get the same
number; times and dates get none, because two of them are equal only if a program was fast enough. A match is never
decided by what another rule has replaced beside it, so that nothing is found in what is already replaced."""

from __future__ import annotations

import re
from typing import NamedTuple

PLACEHOLDER = re.compile(r"<(?:uuid|id|path) \d+>|<(?:time|date|folder|home|value)>")
"""What stands in place of a volatile value."""

_AFTER = r"(?:(?<![\w.-])|(?<=\\[nrt]))(?<!\d>)" + "".join(
    f"(?<!<{name}>)" for name in ("time", "date", "folder", "home", "value")
)
"""A path begins here: not within a word, but behind a line end that is escaped in JSON within JSON."""
_BEFORE = rf"(?![\w-])(?!{PLACEHOLDER.pattern})"
"""A folder ends here: `/home/me` is not in `/home/me2`."""

_DAY = r"\d{4}[-/.]\d{1,2}[-/.]\d{1,2}|\d{1,2}[-/.]\d{1,2}[-/.]\d{4}"
_MONTH = r"(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[a-z]{0,6}\.?"
_WEEKDAY = r"(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day"
_WRITTEN = rf"{_MONTH} \d{{1,2}}(?:st|nd|rd|th)?,? \d{{4}}|\d{{1,2}}(?:st|nd|rd|th)?\.? (?:of )?{_MONTH},? \d{{4}}"
_CHINESE = r"\d{4} ?年 ?\d{1,2} ?月 ?\d{1,2} ?日(?: ?(?:星期|周)[一二三四五六日天])?"
_CLOCK = r"\d{1,2}:\d{2}(?::\d{2}(?:[.,]\d{1,9})?)?(?: ?[AaPp]\.?[Mm]\.?)?(?: ?(?:Z|UTC|GMT|[+-]\d{2}:?\d{2}))?"
_LINE = (
    r"(?:[Tt]oday(?:['’]s [Dd]ate)?|[Cc]urrent(?:[ _-][Dd]ate)?(?:[ _-](?:and[ _-])?[Tt]ime)?|今天(?:的日期)?|今日"
    r"|当前(?:日期|时间)|现在)(?:(?: (?:is|now|today)){1,3}:?|[\"'*]{0,3} ?[:：>=][\"'*]{0,3}|[是为]：?) {0,2}[\"']?"
)
"""What stands before today's date: `Today's date:`, `Current date is`, `<current_date>`, `当前日期：`."""

_DATE = re.compile(
    rf"({_LINE})(?:(?:{_WEEKDAY},? ?)?(?:{_CHINESE}|{_DAY}|{_WRITTEN})(?:(?:,? (?:at )?|T){_CLOCK})?|{_WEEKDAY}|{_CLOCK})"
)
_TIME = re.compile(
    r"\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(?::\d{2}(?:[.,]\d{1,9})?)?(?:Z| ?[+-]\d{2}:?\d{2})?|\d{8}T\d{6}(?:[.,]\d{1,9})?Z?"
)
_UUID = re.compile(r"[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}")
_NAME = r"[\w.@+~-]+"
_PYTEST = r"pytest-of-[\w.@+~-]+/pytest-\d+(?:/popen-gw\d+)?"
_WINDOWS = r"[\\/]{1,4}"
_PATH = re.compile(
    rf"{_AFTER}(?:(?:/private|/var)?/tmp|(?:/private)?/var/folders/{_NAME}/{_NAME}/{_NAME})/(?:{_PYTEST}|{_NAME})"
    rf"|{_AFTER}[A-Za-z]:{_WINDOWS}(?:[^\\/:*?\"<>|\n]+{_WINDOWS}){{0,6}}[Tt]e?mp{_WINDOWS}{_NAME}"
)
"""Of a temporary path only the folder that is new each time: what is in it keeps its name."""


class Kind(NamedTuple):
    """A kind of volatile value. Only a text in which `hint`, which is fast, finds something can contain one. If it is
    `numbered`, different values stay different. The first group of a match, if there is one, is not replaced."""

    name: str
    hint: re.Pattern[str]
    pattern: re.Pattern[str]
    numbered: bool = False


PATH = Kind("path", re.compile(r"/tmp/|/var/folders/|[Tt]e?mp[\\/]"), _PATH, numbered=True)
DATE = Kind("date", re.compile("oday|urrent|今|当前|现在"), _DATE)
TIME = Kind("time", re.compile(r"-\d\d[T ]\d\d:|T\d{6}"), _TIME)
UUID = Kind("uuid", re.compile("-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-"), _UUID, numbered=True)
KINDS = (PATH, DATE, TIME, UUID)
"""In the order in which a text is searched: a path may contain the others."""


def folder_kind(name: str, folder: str) -> Kind | None:
    """Returns the kind that finds this folder and what is in it, None for the root and without a folder."""
    steps = [step for step in re.split(r"[\\/]", folder) if step]
    if not steps or (len(steps) == 1 and steps[0].endswith(":")):
        return None
    windows = "\\" in folder
    pattern = ("" if windows else "/") + (_WINDOWS if windows else "/").join(map(re.escape, steps))
    return Kind(name, re.compile(re.escape(steps[-1])), re.compile(_AFTER + pattern + _BEFORE))
