"""`${NAME}` and `${NAME:-default}` in strings, and the `.env` file that may stand beside the configuration.

A NAME is [A-Za-z_][A-Za-z0-9_]*. All other dollars stay as they are, such as `${1}` (groups of regular expressions)
and `${geo-country}` (Higress's own). `$$` in front of a NAME is one dollar: `$${NAME}` is the text `${NAME}`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

_REFERENCE = re.compile(r"(?<!\$)(\$+)\{([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\}")
_ASSIGNMENT = re.compile(r"(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)\s*=\s*(.*)")
_ESCAPES = {r"\n": "\n", r"\t": "\t", r"\"": '"', r"\\": "\\", r"\$": "$"}


class Expanded(NamedTuple):
    """`names` were read from the environment. `missing` are names that it does not have: `text` keeps them unexpanded.

    `touched` is true if the text had a reference, whether its value came from the environment or from a default."""

    text: str
    names: tuple[str, ...]
    missing: tuple[str, ...]
    touched: bool


def expand(text: str, env: Mapping[str, str]) -> Expanded:
    """Puts the values of the environment in. As in a shell, an empty value counts as missing where there is a
    default."""
    names: list[str] = []
    missing: list[str] = []
    touched = False

    def value(match: re.Match[str]) -> str:
        nonlocal touched
        dollars, name, default = match.groups()
        literal = "$" * (len(dollars) // 2)
        if len(dollars) % 2 == 0:
            return literal + match.group()[len(dollars) :]
        touched = True
        if env.get(name) or (name in env and default is None):
            names.append(name)
            return literal + env[name]
        if default is not None:
            return literal + default
        missing.append(name)
        return match.group()

    end = text.rfind("}") + 1  # behind it no reference ends, and looking for one would take long
    result = _REFERENCE.sub(value, text[:end]) + text[end:]
    return Expanded(result, tuple(names), tuple(missing), touched)


def parse_dotenv(text: str) -> tuple[dict[str, str], list[int]]:
    """The values of a `.env` file, and the numbers of the lines that are not assignments.

    KEY=VALUE, `export` allowed. 'single quotes' are literal, "double quotes" know \\n \\t \\" \\\\ \\$, and outside
    quotes a ` #` begins a comment."""
    values: dict[str, str] = {}
    wrong: list[int] = []
    for number, line in enumerate(text.removeprefix("\ufeff").split("\n"), 1):
        stripped = line.strip()
        if not stripped or stripped.startswith("#"):
            continue
        match = _ASSIGNMENT.fullmatch(stripped)
        value = _unquote(match[2]) if match else None
        if match is None or value is None:
            wrong.append(number)
        else:
            values[match[1]] = value
    return values, wrong


def _unquote(text: str) -> str | None:
    """The value, or None if a quote is not closed, or if something other than a comment follows it."""
    if text[:1] == "'":
        match = re.fullmatch(r"'([^']*)'\s*(?:#.*)?", text)
        return match[1] if match else None
    if text[:1] == '"':
        match = re.fullmatch(r'"((?:[^"\\]|\\.)*)"\s*(?:#.*)?', text)
        return re.sub(r"\\.", lambda found: _ESCAPES.get(found[0], found[0]), match[1]) if match else None
    return re.split(r"(?:^|\s)#", text, maxsplit=1)[0].strip()
