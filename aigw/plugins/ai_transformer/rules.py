"""The rules that transform a message without a model, one after another.

Rule: all of them are applied, or the message stays as it is. The headers for the type and the length of a body are
corrected automatically."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct, structs

from aigw.core.plugin import Problem
from aigw.plugins.ai_transformer.formats import FormatError
from aigw.plugins.ai_transformer.http_text import TOKEN, UNSAFE
from aigw.plugins.ai_transformer.json_edit import PathError, parse_path
from aigw.plugins.ai_transformer.message import FRAMING, Message, UnchangedError
from aigw.plugins.ai_transformer.steps import CHANGES, CONVERSIONS, OF_BODY, Draft, Step

Conversion = Literal["xmlToJson", "jsonToXml", "jsonToYaml", "yamlToJson"]
Headers = Annotated[dict[str, str], Meta(description="names of headers, with what they become")]
Values = Annotated[dict[str, Any], Meta(description="paths in the JSON body, such as user.name or items.0.id")]
Names = Annotated[dict[str, str], Meta(description="paths in the JSON body, with the new name of their last part")]


class Change(Struct, frozen=True, rename="camel", kw_only=True):
    """A rule that is no conversion: one of these keys."""

    set_header: Annotated[Headers | None, Meta(description="sets headers to these values")] = None
    remove_header: Annotated[str | list[str] | None, Meta(description="removes headers")] = None
    rename_header: Annotated[Headers | None, Meta(description="gives headers other names")] = None
    set: Annotated[Values | None, Meta(description="sets values in a JSON body")] = None
    remove: Annotated[str | list[str] | None, Meta(description="removes values from a JSON body")] = None
    rename: Annotated[Names | None, Meta(description="gives values in a JSON body other names")] = None


Rule = Conversion | Change
_UNTOLD = ("", "text/plain", "application/octet-stream")
"""Content types that do not tell what a body is."""


class Rules:
    def __init__(self, rules: Sequence[Rule]) -> None:
        self._steps = [step for rule in rules for step in _steps(rule)]
        self._wanted = next(filter(None, map(_needed_type, rules)), "")
        """The type of body that the first rule which reads bodies needs, as in content types; "" if no rule reads
        them."""
        self.reads_body = bool(self._wanted)

    def __bool__(self) -> bool:
        return bool(self._steps)

    def apply(self, message: Message) -> Message:
        """Raises UnchangedError if a rule does not fit the message."""
        if self.reads_body and not message.body:
            raise UnchangedError("there is no body", passing=True)
        draft = Draft(message)
        try:
            for step in self._steps:
                step(draft)
            return draft.message()
        except FormatError as error:
            raise UnchangedError(str(error), passing=self._is_of_another_kind(message)) from None
        except PathError as error:
            raise UnchangedError(str(error)) from None

    def _is_of_another_kind(self, message: Message) -> bool:
        """Whether the message itself says that its body is not what the rules want: a picture among pages of XML is no
        failure."""
        told = message.headers.get("content-type", "").partition(";")[0].strip().lower()
        return told not in _UNTOLD and self._wanted not in told


def _needed_type(rule: Rule) -> str:
    if isinstance(rule, str):
        return rule.partition("To")[0]
    return "json" if OF_BODY & given(rule).keys() else ""


def check(rules: Sequence[Rule]) -> list[Problem]:
    """The problems of rules whose types are right. The paths begin at the list."""
    return [problem for index, rule in enumerate(rules) if not isinstance(rule, str) for problem in _check(index, rule)]


def given(rule: Change) -> dict[str, Any]:
    """The keys of a rule that are there, as the configuration has them, with their values."""
    names = zip(rule.__struct_encode_fields__, structs.astuple(rule), strict=True)
    return {name: value for name, value in names if value is not None}


def _check(index: int, rule: Change) -> list[Problem]:
    keys = given(rule)
    if len(keys) != 1:
        named = ", ".join(keys) or "none"
        return [Problem((index,), f"must have exactly one key, has {named}; write a rule for each")]
    (key, value), *_ = keys.items()
    problems = []
    for name, target in _pairs(value):
        try:
            _check_one(key, name, target)
        except ValueError as error:
            problems.append(Problem((index, key), str(error)))
    return problems


def _check_one(key: str, name: str, target: Any) -> None:
    if key in OF_BODY:
        parse_path(name)
        if key == "rename" and not target:
            raise ValueError(f"the new name of {name!r} is empty")
        return
    for each in (name, target) if key == "renameHeader" else (name,):
        if not TOKEN.fullmatch(each):
            raise ValueError(f"{each!r} is no name of a header")
        if each.lower() in FRAMING:
            raise ValueError(f"{each} is made right by the gateway itself; leave it out")
    if key == "setHeader" and UNSAFE.search(target):
        raise ValueError(f"the value of {name} has a line break or another control character")


def _pairs(value: Any) -> list[tuple[str, Any]]:
    if isinstance(value, dict):
        return list(value.items())
    return [(name, None) for name in ([value] if isinstance(value, str) else value)]


def _steps(rule: Rule) -> list[Step]:
    if isinstance(rule, str):
        return [CONVERSIONS[rule]]
    return [CHANGES[key](name, target) for key, value in given(rule).items() for name, target in _pairs(value)]
