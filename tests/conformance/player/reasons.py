"""Why a configuration is refused: the gateway says it in its own words, and must name the keys and values that Higress
names.

Names are what is quoted, what is written like a key (token_per_second, apiToken, replace[0].pattern), numbers, and
every word that stands in the configuration as a key or a value. Case and a plural's s do not count. A reason without a
name must be said word for word."""

from __future__ import annotations

import re
from typing import Any

from player.mismatch import require

QUOTED = re.compile(r"""(?<![\w'])'([^']+)'|"([^"]+)"|`([^`]+)`""")
WORD = re.compile(r"\w[\w-]*\w|\w")
KEY = re.compile(r"\w*_\w*|\w*[a-z][A-Z]\w*|\d+")
ENGLISH = {
    "a",
    "an",
    "and",
    "as",
    "at",
    "be",
    "by",
    "for",
    "in",
    "is",
    "it",
    "must",
    "no",
    "not",
    "of",
    "or",
    "the",
    "to",
}
PLACE = re.compile(r"\S*aigw\.yaml(:\d+)*")


def check_reason(reason: str, findings: str, config: Any) -> None:
    """Raises Mismatch if the findings do not name what the reason names. `config` is what was refused."""
    said = PLACE.sub("", findings).casefold()
    names = names_of(reason, config) or [reason]
    missing = [name for name in names if not _is_in(name, said)]
    require(not missing, f"the reason {reason!r} names {', '.join(map(repr, missing))}, which is not in:\n{findings}")


def names_of(reason: str, config: Any) -> list[str]:
    known = set(_words(config))
    quoted = ["".join(match.groups(default="")) for match in QUOTED.finditer(reason)]
    words = WORD.findall(QUOTED.sub(" ", reason))
    return quoted + [word for word in words if KEY.fullmatch(word) or word.casefold() in known - ENGLISH]


def _words(value: Any) -> list[str]:
    """The keys and values of a configuration that are one word."""
    if isinstance(value, dict):
        return [word for pair in value.items() for each in pair for word in _words(each)]
    if isinstance(value, list):
        return [word for each in value for word in _words(each)]
    text = str(value).casefold()
    return [text] if WORD.fullmatch(text) else []


def _is_in(name: str, said: str) -> bool:
    stem = name.casefold()
    stem = stem[:-1] if stem.endswith("s") and len(stem) > 3 else stem
    return re.search(rf"(?<!\w){re.escape(stem)}s?(?!\w)", said) is not None
