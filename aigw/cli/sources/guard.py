"""The screen of a configuration, its rules, and the texts that a command gives it."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import msgspec

from aigw.cli.sources.config_choice import ConfigChoice
from aigw.cli.sources.configuration import configured
from aigw.guard.rule import Rule
from aigw.guard.screen import BUILTIN, Screen
from aigw.guard.settings import GuardSettings

MOST_BYTES = 64 << 20
"""A larger file is not screened at once."""


def screen_of(choice: ConfigChoice, *, strict: bool) -> Screen:
    """Returns the screen of a gateway that was started with the same options. Without a configuration it has the
    default settings.

    Raises ConfigError."""
    settings = configured(choice, calls=False).guard if choice.is_given else GuardSettings()
    return Screen(msgspec.structs.replace(settings, strict=strict or settings.strict))


def all_rules(screen: Screen) -> Sequence[tuple[Rule, bool]]:
    """The rules that come with aigw and those of the user, each with whether it is used."""
    own = [rule for name, rule in screen.rules.items() if name not in {each.name for each in BUILTIN}]
    builtin = [(screen.rules.get(rule.name, rule), rule.name in screen.rules) for rule in BUILTIN]
    return [*builtin, *((rule, True) for rule in own)]


def text_of(argument: str) -> str:
    """Returns the text that the argument is, or that it names. Raises ValueError."""
    if argument == "-":
        return _decoded(sys.stdin.buffer.read(MOST_BYTES + 1), "stdin")
    if not _is_file(argument):
        return argument
    try:
        with Path(argument).open("rb") as file:
            return _decoded(file.read(MOST_BYTES + 1), argument)
    except OSError as error:
        raise ValueError(f"{argument} cannot be read: {error.strerror}") from None


def _is_file(argument: str) -> bool:
    """Whether the argument is the name of a file. A text that cannot be a name is not."""
    try:
        return Path(argument).is_file()
    except (OSError, ValueError):
        return False


def _decoded(data: bytes, name: str) -> str:
    if len(data) > MOST_BYTES:
        raise ValueError(f"{name} is larger than {MOST_BYTES >> 20} MiB; give it in pieces")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ValueError(f"{name} is not UTF-8 text; `aigw rag ingest` reads other files, and screens them") from None
