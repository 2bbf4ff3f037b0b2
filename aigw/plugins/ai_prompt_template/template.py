"""A template: the JSON of a request, with `{{name}}` in its texts where a property of the request is filled in.

Rule: whatever the values are, the result is JSON of the template's own shape, and placeholders within values are not
filled. In the prompt and the model, a value is always text. In other fields, a text that is nothing but one placeholder
becomes the value itself: with `temperature: "{{heat}}"`, a number stays a number."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from aigw.dialects.template_body import is_text
from aigw.higress.template import Property

_PLACEHOLDER = re.compile(r"\{\{([^{}\n]*[^{}\s][^{}\n]*)\}\}")


class _Text:
    """A text with placeholders: at the odd places stand their names."""

    __slots__ = ("_pieces",)

    def __init__(self, pieces: list[str]) -> None:
        self._pieces = [piece.strip() if index % 2 else piece for index, piece in enumerate(pieces)]

    @property
    def names(self) -> list[str]:
        return self._pieces[1::2]

    @property
    def is_bare(self) -> bool:
        """Whether it is nothing but one placeholder."""
        return len(self._pieces) == 3 and not (self._pieces[0] or self._pieces[2])

    def filled(self, given: Mapping[str, Property]) -> str:
        pieces = self._pieces
        return "".join(given[piece].text if index % 2 else piece for index, piece in enumerate(pieces))


class Template:
    """A template that is ready to be filled. `properties` are the names of its placeholders, in their order."""

    def __init__(self, fields: Mapping[str, Any]) -> None:
        self.fields = fields
        self._parsed = {name: _parsed(value) for name, value in fields.items()}
        self.properties = list(dict.fromkeys(_names(list(self._parsed.values()))))

    def missing(self, given: Mapping[str, Any]) -> list[str]:
        return [name for name in self.properties if name not in given]

    def fill(self, given: Mapping[str, Property]) -> dict[str, Any]:
        """Returns the fields of the request. `given` must have all properties."""
        return {name: _filled(value, given, typed=not is_text(name)) for name, value in self._parsed.items()}


def _parsed(value: Any) -> Any:
    """Returns the value with a _Text in the place of each text that has placeholders. An object becomes a list of
    pairs in a tuple, because its keys may have placeholders, too."""
    if isinstance(value, str):
        pieces = _PLACEHOLDER.split(value)
        return _Text(pieces) if len(pieces) > 1 else value
    if isinstance(value, list):
        return [_parsed(item) for item in value]
    if isinstance(value, dict):
        return tuple((_parsed(key), _parsed(item)) for key, item in value.items())
    return value


def _names(value: Any) -> Iterator[str]:
    if isinstance(value, _Text):
        yield from value.names
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _names(item)


def _filled(value: Any, given: Mapping[str, Property], *, typed: bool) -> Any:
    if isinstance(value, _Text):
        return msgspec.Raw(given[value.names[0]].raw) if typed and value.is_bare else value.filled(given)
    if isinstance(value, list):
        return [_filled(item, given, typed=typed) for item in value]
    if isinstance(value, tuple):
        return {_filled(key, given, typed=False): _filled(item, given, typed=typed) for key, item in value}
    return value
