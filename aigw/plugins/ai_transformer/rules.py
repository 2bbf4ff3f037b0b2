"""The rules that transform a message without a model, one after another.

Rule: all of them are applied, or the message stays as it is. Type and length of a body are made right by themselves."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct, structs
from multidict import CIMultiDict

from aigw.core.plugin import Problem
from aigw.plugins.ai_transformer import formats
from aigw.plugins.ai_transformer.formats import FormatError
from aigw.plugins.ai_transformer.json_edit import PathError, parse_path, remove_at, rename_at, set_at
from aigw.plugins.ai_transformer.message import FRAMING, Message, UnchangedError

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
_UNREAD = object()


class Draft:
    """A message on its way through the rules. Its body is decoded at most once, and encoded at the end."""

    def __init__(self, message: Message) -> None:
        self.headers = message.headers.copy()
        self._message = message
        self._body: bytes | None = message.body
        self._value: Any = _UNREAD

    @property
    def body(self) -> bytes:
        if self._body is None:
            self._body = formats.write_json(self._value)
        return self._body

    @property
    def charset(self) -> str:
        found = _CHARSET.search(self.headers.get("content-type", ""))
        return found[1] if found else ""

    def value(self) -> Any:
        """The JSON of the body. Whoever changes it calls `become` afterwards."""
        if self._value is _UNREAD:
            self._value = formats.read_json(self.body)
        return self._value

    def become(self, value: Any) -> None:
        self._value, self._body = value, None

    def written(self, body: bytes, content_type: str) -> None:
        self._value, self._body = _UNREAD, body
        self.headers["content-type"] = content_type

    def message(self) -> Message:
        body = self.body
        message = Message(self._message.start, self.headers, body)
        return message if body == self._message.body else message.with_body(body)


Step = Callable[[Draft], None]
_CHARSET = re.compile(r";\s*charset=\"?([\w-]+)\"?", re.IGNORECASE)
_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_UNSAFE = re.compile(r"[\x00-\x08\x0a-\x1f\x7f\ud800-\udfff]")
JSON, XML, YAML = "application/json", "application/xml", "application/yaml"


class Rules:
    def __init__(self, rules: Sequence[Rule]) -> None:
        self._steps = [step for rule in rules for step in _steps(rule)]
        self.reads_body = any(isinstance(rule, str) or bool(_BODY & given(rule).keys()) for rule in rules)

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
        except (FormatError, PathError) as error:
            raise UnchangedError(str(error)) from None


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
    if key in _BODY:
        parse_path(name)
        if key == "rename" and not target:
            raise ValueError(f"the new name of {name!r} is empty")
        return
    for each in (name, target) if key == "renameHeader" else (name,):
        if not _TOKEN.fullmatch(each):
            raise ValueError(f"{each!r} is no name of a header")
        if each.lower() in FRAMING:
            raise ValueError(f"{each} is made right by the gateway itself; leave it out")
    if key == "setHeader" and _UNSAFE.search(target):
        raise ValueError(f"the value of {name} has a line break or another control character")


def _pairs(value: Any) -> list[tuple[str, Any]]:
    if isinstance(value, dict):
        return list(value.items())
    return [(name, None) for name in ([value] if isinstance(value, str) else value)]


def _steps(rule: Rule) -> list[Step]:
    if isinstance(rule, str):
        return [_CONVERSIONS[rule]]
    return [_CHANGES[key](name, target) for key, value in given(rule).items() for name, target in _pairs(value)]


def _xml_to_json(draft: Draft) -> None:
    draft.become(formats.read_xml(draft.body, draft.charset))
    draft.headers["content-type"] = JSON


def _yaml_to_json(draft: Draft) -> None:
    draft.become(formats.read_yaml(draft.body))
    draft.headers["content-type"] = JSON


def _json_to_xml(draft: Draft) -> None:
    draft.written(formats.write_xml(draft.value()), XML)


def _json_to_yaml(draft: Draft) -> None:
    draft.written(formats.write_yaml(draft.value()), YAML)


def _set_header(name: str, value: str) -> Step:
    def step(draft: Draft) -> None:
        draft.headers[name] = value

    return step


def _remove_header(name: str, _: Any) -> Step:
    return lambda draft: _drop(draft.headers, name)


def _drop(headers: CIMultiDict[str], name: str) -> None:
    headers.popall(name, None)


def _rename_header(name: str, new: str) -> Step:
    def step(draft: Draft) -> None:
        if name in draft.headers and name.lower() != new.lower():
            values = draft.headers.popall(name)
            _drop(draft.headers, new)
            draft.headers.extend((new, value) for value in values)

    return step


def _edit(change: Callable[..., None]) -> Callable[[str, Any], Step]:
    """Of a function that changes decoded JSON at a path."""

    def make(path: str, *target: Any) -> Step:
        steps = parse_path(path)
        rest = () if change is remove_at else target

        def step(draft: Draft) -> None:
            value = draft.value()
            change(value, steps, *deepcopy(rest))
            draft.become(value)

        return step

    return make


_CONVERSIONS: Mapping[str, Step] = {
    "xmlToJson": _xml_to_json,
    "yamlToJson": _yaml_to_json,
    "jsonToXml": _json_to_xml,
    "jsonToYaml": _json_to_yaml,
}
_CHANGES: Mapping[str, Callable[[str, Any], Step]] = {
    "setHeader": _set_header,
    "removeHeader": _remove_header,
    "renameHeader": _rename_header,
    "set": _edit(set_at),
    "remove": _edit(remove_at),
    "rename": _edit(rename_at),
}
_BODY = frozenset(("set", "remove", "rename"))
