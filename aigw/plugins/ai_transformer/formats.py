"""Bodies in JSON, XML and YAML: read into plain values, and written from these. Sans-io.

Rule: what strangers send costs no more than its length. Entities of XML and aliases of YAML are refused, nothing is
fetched, and nothing is nested deeper than MAX_DEPTH. Each failure is a FormatError, which says what is wrong."""

from __future__ import annotations

import codecs
import re
from typing import Any
from xml.parsers import expat

import msgspec

MAX_DEPTH = 100
ROOT, ITEM = "root", "item"
"""The names of XML elements for a value without a name, and for the values of a list without one."""
_NAME = re.compile(r"[^\W\d][\w.-]*(:[^\W\d][\w.-]*)?")
_DECLARED = re.compile(rb"\s*<\?xml[^>]*?encoding\s*=\s*[\"']([\w.-]+)[\"']")
_MULTIBYTE = ("gbk", "gb2312", "gb18030", "big5", "big5hkscs", "cp932", "shift_jis", "euc_jp", "cp949", "euc_kr")
_NO_ATTRIBUTE = "an attribute must be a text, a number or true or false"


class FormatError(Exception):
    """The body is not in this format, or cannot be written in it."""


def read_json(body: bytes) -> Any:
    try:
        value = msgspec.json.decode(body.removeprefix(codecs.BOM_UTF8))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise FormatError(f"the body is not JSON: {error}") from None
    return _shallow(value)


def write_json(value: Any) -> bytes:
    try:
        return msgspec.json.encode(value)
    except (TypeError, ValueError, OverflowError, RecursionError) as error:
        raise FormatError(f"the body cannot be JSON: {error}") from None


def read_xml(body: bytes, charset: str = "") -> Any:
    """Returns what `write_xml` takes. Comments and the order of elements with different names are lost. `charset` is
    the encoding, if something else than the document itself names it."""
    import xmltodict

    try:
        value = xmltodict.parse(*_for_expat(body, charset))
    except (expat.ExpatError, ValueError, LookupError) as error:
        raise FormatError(f"the body is not XML: {error}") from None
    return _shallow(value)


def _for_expat(body: bytes, charset: str) -> tuple[bytes, str | None]:
    """The body and its encoding, as expat reads it: it knows no encoding in which a letter has several bytes."""
    declared = _DECLARED.match(body)
    name = charset or (declared[1].decode() if declared else "")
    if name and codecs.lookup(name).name in _MULTIBYTE:
        return body.decode(name).encode(), "utf-8"
    return body, charset or None


def write_xml(value: Any) -> bytes:
    """A key is an element, several if its value is a list; with an @ before it, an attribute. `#text` is the text of an
    element that has others or attributes."""
    import xmltodict

    _shallow(value)
    if not isinstance(value, dict) or len(value) != 1 or isinstance(next(iter(value.values())), list):
        value = {ROOT: {ITEM: value} if isinstance(value, list) else value}
    _check_names(value)
    try:
        body = str(xmltodict.unparse(value)).encode()
    except (ValueError, TypeError, AttributeError) as error:
        raise FormatError(f"the body cannot be XML: {error}") from None
    check_xml(body, "the body cannot be XML")
    return body


def check_xml(body: bytes, what: str = "the body is not XML") -> None:
    """Raises FormatError for a body that is not well-formed or declares entities."""
    parser = expat.ParserCreate()
    parser.EntityDeclHandler = _refuse_entity
    try:
        parser.Parse(body, True)
    except (expat.ExpatError, ValueError, LookupError) as error:
        raise FormatError(f"{what}: {error}") from None


def read_yaml(body: bytes) -> Any:
    """Dates become texts when they are written as JSON."""
    import yaml

    try:
        text = body.decode("utf-8-sig")
        _check_events(text)
        return yaml.load(text, _loader())  # noqa: S506  a safe one
    except yaml.MarkedYAMLError as error:
        place = f" in line {error.problem_mark.line + 1}" if error.problem_mark else ""
        raise FormatError(f"the body is not YAML: {error.problem}{place}") from None
    except (yaml.YAMLError, ValueError, TypeError, RecursionError) as error:
        raise FormatError(f"the body is not YAML: {error}") from None


def write_yaml(value: Any) -> bytes:
    import yaml

    _shallow(value)
    dumper = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
    try:
        return str(yaml.dump(value, Dumper=dumper, allow_unicode=True, sort_keys=False)).encode()
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise FormatError(f"the body cannot be YAML: {error}") from None


def _loader() -> Any:
    import yaml

    return getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def _check_events(text: str) -> None:
    """Raises ValueError for aliases, which may turn a small text into a very large value, and for too deep nesting."""
    import yaml

    depth = 0
    for event in yaml.parse(text, _loader()):
        if isinstance(event, yaml.AliasEvent):
            raise ValueError("it has an alias (*name)")
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > MAX_DEPTH:
            raise ValueError(f"it is nested deeper than {MAX_DEPTH}")


def _refuse_entity(*_: Any) -> None:
    raise ValueError("entities are disabled")


def _shallow(value: Any) -> Any:
    """Returns the value itself. Raises FormatError if it is nested too deep."""
    level = [value]
    for _ in range(MAX_DEPTH):
        level = [
            inner
            for each in level
            if isinstance(each, dict | list)
            for inner in (each.values() if isinstance(each, dict) else each)
            if isinstance(inner, dict | list)
        ]
        if not level:
            return value
    raise FormatError(f"the body is nested deeper than {MAX_DEPTH}")


def _check_names(value: Any) -> None:
    """Raises FormatError for keys that are no names of elements or attributes."""
    if isinstance(value, list):
        for item in value:
            _check_names(item)
    if not isinstance(value, dict):
        return
    for name, item in value.items():
        if name != "#text" and not _NAME.fullmatch(name.removeprefix("@")):
            raise FormatError(f"the body cannot be XML: {name[:60]!r} is no name of an element")
        if name[0] in "@#" and isinstance(item, dict | list):
            raise FormatError(f"the body cannot be XML: {name[:60]!r} has a value inside; {_NO_ATTRIBUTE}")
        _check_names(item)
