"""The attributes that ai-statistics reads from a request and its answer: where each is, and how the values in a stream
become one.

A built-in key needs no source. In a stream, the rule `first` takes the first value that is neither null nor "",
`replace` takes the last one, and `append` joins all of them. Without a rule, a stream has no value, as in Higress."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Protocol

from msgspec import Meta, Struct

from aigw.higress.gjson import GjsonPath
from aigw.higress.log_attributes import BODY_PATHS, DETAILS, REQUEST_PATHS, STREAM_PATHS, ToolCalls
from aigw.higress.values import text_of

FIXED = "fixed_value"
REQUEST_HEADER = "request_header"
REQUEST_BODY = "request_body"
RESPONSE_HEADER = "response_header"
RESPONSE_BODY = "response_body"
STREAM = "response_streaming_body"
SOURCES = (FIXED, REQUEST_HEADER, REQUEST_BODY, RESPONSE_HEADER, RESPONSE_BODY, STREAM)
RULES = ("first", "replace", "append")

BUILT_IN = (*REQUEST_PATHS, *BODY_PATHS, *DETAILS)


class Attribute(Struct, frozen=True, kw_only=True):
    """One value for the log, the trace, or both."""

    key: Annotated[str, Meta(description="the name of the value in the log")] = ""
    value_source: Annotated[str, Meta(description=f"one of {', '.join(SOURCES)}; built-in keys need none")] = ""
    value: Annotated[str, Meta(description="the value itself, the name of a header, or a gjson path")] = ""
    trace_span_key: Annotated[str, Meta(description="the name of the tag in the trace; empty: `key`")] = ""
    default_value: Annotated[str, Meta(description="the value if nothing is found")] = ""
    rule: Annotated[
        str, Meta(description="which values of a stream are taken: first, replace (the last) or append (all)")
    ] = ""
    apply_to_log: Annotated[bool, Meta(description="write it into ai_log")] = False
    apply_to_span: Annotated[bool, Meta(description="add it to the trace as a tag")] = False
    as_separate_log_field: Annotated[
        bool, Meta(description="with apply_to_log: write it as a field of its own, not into ai_log")
    ] = False


def _built_in(*keys: str) -> tuple[Attribute, ...]:
    rules = {"answer": "append", "reasoning": "append"}
    return tuple(Attribute(key=key, rule=rules.get(key, ""), apply_to_log=True) for key in keys)


LIGHT = _built_in(*DETAILS)
FULL = (
    Attribute(key="messages", value_source=REQUEST_BODY, value="messages", apply_to_log=True),
    *_built_in(*BUILT_IN),
)


class Collector(Protocol):
    """Makes one value from the events of a stream. `value` is None if no event has a value."""

    def feed(self, event: Any) -> None: ...

    @property
    def value(self) -> Any: ...


class AttributeSource:
    """A compiled attribute. The methods `of_...` return None if there is no value."""

    __slots__ = ("_body", "_request", "_stream", "attribute", "details", "feeds")

    def __init__(self, attribute: Attribute) -> None:
        self.attribute = attribute
        key = attribute.key
        own = (attribute.value,) if attribute.value else ()
        self._request = [GjsonPath(text) for text in (*own, *REQUEST_PATHS.get(key, ()))]
        self._body = [GjsonPath(text) for text in (*own, *BODY_PATHS.get(key, ()))]
        self._stream = [
            *((GjsonPath(text), attribute.rule) for text in own),
            *((GjsonPath(text), attribute.rule if key == "answer" else "append") for text in STREAM_PATHS.get(key, ())),
        ]
        self.details = key in DETAILS
        self.feeds = attribute.value_source or _default_source(key)
        """Where the value is read from: one of SOURCES, or "reply" for a plain answer as well as a stream."""

    def of_request(self, body: Any) -> Any:
        return _first(self._request, body)

    def of_body(self, body: Any) -> Any:
        return _first(self._body, body)

    def collectors(self) -> list[Collector]:
        """Returns new collectors for one stream. The value of the first one that has a value is used."""
        found: list[Collector] = [_RULES[rule](path) for path, rule in self._stream if rule in _RULES]
        return [*found, ToolCalls()] if self.attribute.key == "tool_calls" else found


def _default_source(key: str) -> str:
    if key in REQUEST_PATHS:
        return REQUEST_BODY
    return "reply" if key in BUILT_IN else ""


def _first(paths: Sequence[GjsonPath], body: Any) -> Any:
    found = None
    for path in paths:
        value = path.get(body)
        if value is not None and value != "":
            return value
        found = value if found is None else found
    return found


class _FirstValue:
    def __init__(self, path: GjsonPath) -> None:
        self._path = path
        self.value: Any = None

    def feed(self, event: Any) -> None:
        if self.value is None:
            value = self._path.get(event)
            self.value = None if value == "" else value


class _LastValue:
    def __init__(self, path: GjsonPath) -> None:
        self._path = path
        self.value: Any = None

    def feed(self, event: Any) -> None:
        value = self._path.get(event)
        if value is not None and value != "":
            self.value = value


class _Joined:
    def __init__(self, path: GjsonPath) -> None:
        self._path = path
        self._pieces: list[str] = []

    def feed(self, event: Any) -> None:
        value = self._path.get(event)
        if value is not None and value != "":
            self._pieces.append(text_of(value))

    @property
    def value(self) -> Any:
        return "".join(self._pieces) or None


_RULES: dict[str, type[_FirstValue] | type[_LastValue] | type[_Joined]] = {
    "first": _FirstValue,
    "replace": _LastValue,
    "append": _Joined,
}


def shortened(value: Any, limit: int) -> Any:
    """Returns a value unchanged if its text has at most `limit` bytes. Otherwise returns the beginning and the end of
    the text, each half as long as `limit`, with a mark between them."""
    if isinstance(value, str) and len(value) * 4 <= limit:
        return value
    text = text_of(value).encode("utf-8", "replace")  # it may have half of a surrogate pair
    if len(text) <= limit:
        return value
    half = max(0, limit) // 2
    first, last = text[:half], text[len(text) - half :]
    return f"{first.decode(errors='ignore')} [truncated] {last.decode(errors='ignore')}"
