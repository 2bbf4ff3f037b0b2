"""How Higress's ai-prompt-template reads a request and fills a template: in the text of its JSON, a property of the
request replaces `{{name}}`.

Rule: Higress pastes a value as it is, without escaping it for JSON."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from decimal import Decimal
from typing import NamedTuple

from aigw.core.document import Document
from aigw.higress.values import text_of

TEMPLATE, PROPERTIES = "template", "properties"


class Property(NamedTuple):
    """A value of a request: its JSON as it was written, and its text as gjson prints it."""

    raw: bytes
    text: str


class Call(NamedTuple):
    """A request that names a template. `name` is None if it is no text. `properties` is None if it is no object.
    `has_properties` says whether the request has the field at all."""

    name: str | None
    properties: Mapping[str, Property] | None
    has_properties: bool


def call_in(document: Document) -> Call | None:
    """Returns which template a request names, None if it names none. Raises ValueError for malformed JSON."""
    if TEMPLATE not in document:
        return None
    name = document.get(TEMPLATE)
    has_properties = PROPERTIES in document and document.get(PROPERTIES) is not None
    return Call(name if isinstance(name, str) else None, _properties(document), has_properties)


def asks_for_template(document: Document) -> bool:
    """Whether Higress takes a request for one that names a template: it has both fields, whatever is in them."""
    return TEMPLATE in document and PROPERTIES in document


def named(document: Document) -> str:
    """The name of the template as Higress reads it, which is a text of any value."""
    return printed(document.raw(TEMPLATE) or b"null", document.get(TEMPLATE))


def _properties(document: Document) -> dict[str, Property] | None:
    raw = document.raw(PROPERTIES)
    if raw is None or raw == b"null":
        return {}
    if not isinstance(document.get(PROPERTIES), dict):
        return None
    inner = Document(raw)
    names = ((name, inner.raw(name) or b"null") for name in inner.names())
    return {name: Property(each, printed(each, inner.get(name))) for name, each in names}


def printed(raw: bytes, value: object) -> str:
    """Returns a value as gjson prints it: a text as it is, null as nothing, a whole number, an object and an array as
    they were written, other numbers without an exponent."""
    if isinstance(value, bool) or value is None or isinstance(value, str):
        return text_of(value)
    text = raw.decode().strip()
    if isinstance(value, int | float) and not text.lstrip("-").isdigit():
        with suppress(ArithmeticError, ValueError):
            text = format(Decimal(repr(float(value))), "f")
            return text.removesuffix(".0")
    return text


def pasted(template: str, properties: Mapping[str, Property] | None) -> str:
    """Returns the template as Higress fills it. What a value brings in may be filled again by the next one."""
    for name, given in (properties or {}).items():
        template = template.replace("{{" + name + "}}", given.text)
    return template
