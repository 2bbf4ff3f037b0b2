"""What each rule does to a message.

Rule: a step changes a draft, and raises FormatError or PathError if it cannot."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from copy import deepcopy
from typing import Any

from multidict import CIMultiDict

from aigw.plugins.ai_transformer import formats
from aigw.plugins.ai_transformer.json_edit import parse_path, remove_at, rename_at, set_at
from aigw.plugins.ai_transformer.message import CHARSET, Message

JSON, XML, YAML = "application/json", "application/xml", "application/yaml"
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
        found = CHARSET.search(self.headers.get("content-type", ""))
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
    """Makes a kind of step from a function that changes decoded JSON at a path."""

    def make(path: str, *target: Any) -> Step:
        steps = parse_path(path)
        rest = () if change is remove_at else target

        def step(draft: Draft) -> None:
            value = draft.value()
            change(value, steps, *deepcopy(rest))
            draft.become(value)

        return step

    return make


CONVERSIONS: Mapping[str, Step] = {
    "xmlToJson": _xml_to_json,
    "yamlToJson": _yaml_to_json,
    "jsonToXml": _json_to_xml,
    "jsonToYaml": _json_to_yaml,
}
CHANGES: Mapping[str, Callable[[str, Any], Step]] = {
    "setHeader": _set_header,
    "removeHeader": _remove_header,
    "renameHeader": _rename_header,
    "set": _edit(set_at),
    "remove": _edit(remove_at),
    "rename": _edit(rename_at),
}
OF_BODY = frozenset(("set", "remove", "rename"))
"""The changes of a JSON body."""
