"""Finds and replaces the values of a request that may differ from one run to the next although the request is the same.

Rule: values are replaced only for the comparison of requests, never in the bytes that are sent. Names of fields are
never replaced. Rules of the user come first, so that they see a text as it was sent."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import partial
from hashlib import blake2b
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct

from aigw.core.document import encoded
from aigw.core.plugin import Problem
from aigw.traffic.volatility.builtin_rules import KINDS, Kind, folder_kind, may_contain
from aigw.traffic.volatility.client_ids import ID_FIELDS, OPAQUE, ids_in
from aigw.traffic.volatility.user_rules import DECLARED, MAX_DEPTH, user_rule

VERSION = 4
"""Change it if keys are made in another way, so that old ones are made again."""
SHORTEST = 4
"""A text with fewer characters contains nothing volatile."""

Builtin = Literal["uuid", "time", "id", "path", "folder", "date"]
BUILTIN: list[Builtin] = ["uuid", "time", "id", "path", "folder", "date"]


class VolatileRule(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Something that varies: what a `pointer` leads to, or what a `regex` finds in texts."""

    pointer: Annotated[
        str, Meta(description="a JSON Pointer into the body, with * for any index or key: /metadata/run")
    ] = ""
    regex: Annotated[str, Meta(description="a regular expression (RE2); what it finds in texts varies")] = ""
    where: Annotated[
        str, Meta(description="with regex: only in texts at or below this JSON Pointer; empty: in all texts")
    ] = ""


class VolatileConfig(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What varies from one run to the next and is ignored when the recording of a request is looked for."""

    builtin: Annotated[
        list[Builtin],
        Meta(
            description="what is known to vary: UUIDs, ISO 8601 times, ids of tool calls and sessions, temporary "
            "paths, the current folder and the home folder, lines that say today's date"
        ),
    ] = msgspec.field(default_factory=BUILTIN.copy)
    rules: Annotated[list[VolatileRule], Meta(description="what else varies; `aigw replay lint` proposes rules")] = []


def check(config: VolatileConfig) -> list[Problem]:
    """Returns what is wrong with the rules."""
    problems = []
    for index, rule in enumerate(config.rules):
        try:
            user_rule(rule.pointer, rule.regex, rule.where)
        except ValueError as error:
            problems.append(Problem(("rules", index), str(error)))
    return problems


class Numbers:
    """The numbers that the volatile values of one request have got, by kind."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, str], int] = {}
        self._last: dict[str, int] = {}

    def placeholder(self, kind: str, value: str) -> str:
        number = self._known.get((kind, value))
        if number is None:
            number = self._known[kind, value] = self._last[kind] = self._last.get(kind, 0) + 1
        return f"<{kind} {number}>"


class Rules:
    """The rules of a configuration, for one machine: `folder` is the current folder there, `home` that of the user.
    `digest` identifies the rules, whatever the folders are."""

    def __init__(self, config: VolatileConfig, folder: str, home: str) -> None:
        self.folder, self.home = folder, home
        self._config = config
        self._elsewhere = {(folder, home): self}
        self._users = [user_rule(rule.pointer, rule.regex, rule.where) for rule in config.rules]
        self._ids = "id" in config.builtin
        folders = (folder_kind("folder", folder), folder_kind("home", home)) if "folder" in config.builtin else ()
        kinds = [kind for kind in KINDS if kind.name in config.builtin]
        self._kinds = [kind for kind in folders if kind] + kinds
        rules = VERSION, sorted(config.builtin), config.rules
        self.digest = blake2b(msgspec.json.encode(rules), digest_size=6).hexdigest()

    @classmethod
    def of(cls, config: VolatileConfig, *, folder: str, home: str) -> Rules:
        """Raises ValueError if a rule is wrong (`check` says where)."""
        return cls(config, folder, home)

    def elsewhere(self, folder: str, home: str) -> Rules:
        """Returns the same rules for the folders of another machine."""
        found = self._elsewhere.get((folder, home))
        if found is None:
            found = self._elsewhere[folder, home] = Rules(self._config, folder, home)
        return found

    def applied(self, value: Any, numbers: Numbers) -> Any:
        """Returns the body with placeholders for what is volatile. It may change the value itself. Raises ValueError if
        it is nested too deeply."""
        for rule in self._users:
            value = rule.place.replace(value, rule.new)
        if self._ids and isinstance(value, dict) and OPAQUE in value:
            value[OPAQUE] = DECLARED
        written = encoded(value).decode()
        if written.count("[") + written.count("{") > MAX_DEPTH and _is_deep(value):
            raise ValueError("JSON is nested too deeply")
        kinds = [kind for kind in self._kinds if may_contain(kind, written)]
        ids = ids_in(value, written) if self._ids else frozenset()
        return _Walk(kinds, ids, numbers).value(value) if kinds or ids else value

    def text(self, text: str, numbers: Numbers) -> str:
        """Returns a text that is not in a JSON body with placeholders for what is volatile."""
        for rule in self._users:
            text = rule.new(text) if rule.anywhere else text
        return _replaced(text, self._kinds, numbers)


class _Walk:
    """Replaces volatile values in one request. It goes through an object by the order of its keys, so that the numbers
    do not depend on how it was written."""

    def __init__(self, kinds: Sequence[Kind], ids: frozenset[str], numbers: Numbers) -> None:
        self._kinds = kinds
        self._ids = ids
        self._numbers = numbers

    def value(self, value: Any) -> Any:
        if isinstance(value, str):
            return self._text(value)
        if isinstance(value, dict):
            return {key: self._field(key, value[key]) for key in sorted(value)}
        if isinstance(value, list):
            return [self.value(item) for item in value]
        return value

    def _field(self, key: str, value: Any) -> Any:
        if not isinstance(value, str):
            return self.value(value)
        if key in ID_FIELDS and value in self._ids:
            return self._numbers.placeholder("id", value)
        return self._text(value)

    def _text(self, text: str) -> str:
        return _replaced(text, self._kinds, self._numbers) if len(text) >= SHORTEST else text


def _is_deep(value: Any) -> bool:
    level = [value]
    for _ in range(MAX_DEPTH):
        level = [item for each in level for item in (each.values() if isinstance(each, dict) else each)]
        level = [each for each in level if isinstance(each, dict | list)]
    return bool(level)


def _replaced(text: str, kinds: Sequence[Kind], numbers: Numbers) -> str:
    for kind in kinds:
        if may_contain(kind, text):
            text = kind.pattern.sub(partial(_placeholder, kind, numbers), text)
    return text


def _placeholder(kind: Kind, numbers: Numbers, found: re.Match[str]) -> str:
    if kind.numbered:
        return numbers.placeholder(kind.name, found[0])
    return (found[1] if kind.pattern.groups else "") + f"<{kind.name}>"
