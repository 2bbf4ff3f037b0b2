"""Reads requests of Gemini's generateContent.

Rules of the wire: a name may be in camelCase or snake_case, and an enum may be in upper or lower case. A single object
may replace a list of one. Instructions are in `systemInstruction`, not in the conversation. Results of functions are
parts of a user's content. The path has the model, and says whether the answer is a stream. With `alt=sse` a stream has
events; without it, the stream is one JSON array."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any

from aigw.core.answer import ToolCall
from aigw.core.dialect import Role, TextPlace, Tool, Turn
from aigw.core.json_path import JsonPath
from aigw.core.model import Request
from aigw.dialects import apis
from aigw.dialects.gemini_schema import json_schema
from aigw.dialects.json_values import json_text
from aigw.dialects.reader import Json
from aigw.dialects.view import RequestView, natural, rows_of, text_of

_ROLES: dict[str, Role] = {"model": "assistant", "function": "tool"}
_CAPITAL = re.compile("([A-Z])")
_OUTPUTS = (("executableCode", "code"), ("codeExecutionResult", "output"))
"""Other parts with text that the model reads, and the field with this text."""


_EVENTS = frozenset(("alt=sse", "$alt=sse", "%24alt=sse"))
"""The parameters of the query that ask for a stream of events instead of an array."""


class GeminiView(RequestView):
    """A view of a request. If `array` is true, the answer is streamed as one JSON array, which the gateway treats as a
    plain body."""

    PROMPTS = ("contents",)
    IMMATERIAL = ("labels",)

    def __init__(self, request: Request, api: str) -> None:
        super().__init__(request, api)
        self.array = api == apis.STREAM_GENERATE_CONTENT and not self._wants_events

    @property
    def stream(self) -> bool:
        return self.api == apis.STREAM_GENERATE_CONTENT and self._wants_events

    @property
    def _wants_events(self) -> bool:
        return not _EVENTS.isdisjoint(self._request.query.split("&"))

    @property
    def address(self) -> tuple[str, str]:
        path, query = super().address
        kept = [pair for pair in query.split("&") if pair not in _EVENTS]
        return path.replace(":streamGenerateContent", ":generateContent"), "&".join(kept)

    def named(self, name: str) -> Iterator[tuple[str, Any]]:
        """Yields the fields of this name, as (name as it is written, value)."""
        document = self.document
        for key in (name, snake(name)) if document is not None else ():
            if document is not None and key in document:
                yield key, self.get(key)

    def field(self, name: str) -> Any:
        return next((value for _, value in self.named(name) if value is not None), None)

    @property
    def choices(self) -> int:
        return natural(field(self.field("generationConfig"), "candidateCount")) or 1

    @property
    def max_tokens(self) -> int:
        return natural(field(self.field("generationConfig"), "maxOutputTokens"))

    @property
    def turns(self) -> Sequence[Turn]:
        system = [turn for _, value in self.named("systemInstruction") for turn in _turns(value, "system")]
        return system + [turn for _, content in items_of((), self.get("contents")) for turn in _turns(content)]

    @property
    def places(self) -> Sequence[TextPlace]:
        found: list[TextPlace] = []
        for key, value in self.named("systemInstruction"):
            found += _content_places((key,), value, "system")
        for path, content in items_of(("contents",), self.get("contents")):
            found += _content_places(path, content, _role_of(content))
        return found

    @property
    def tools(self) -> Sequence[Tool]:
        lists = [field(tool, "functionDeclarations") for _, tool in items_of((), self.get("tools"))]
        return [tool_of(each) for several in lists for _, each in items_of((), several) if isinstance(each, dict)]

    @property
    def tool_choice(self) -> str:
        config = field(self.field("toolConfig"), "functionCallingConfig")
        if (mode := text_of(field(config, "mode")).upper()) != "ANY":
            return "none" if mode == "NONE" else ""
        names = field(config, "allowedFunctionNames")
        one = names[0] if isinstance(names, list) and len(names) == 1 else names
        return one if isinstance(one, str) and one else "required"

    @property
    def size(self) -> int:
        return sum(len(place.text) for place in self.places) if self.media else super().size

    @property
    def media(self) -> int:
        body = self._request.body
        return 0 if self._prompt is None else body.count(b'"inlineData"') + body.count(b'"inline_data"')

    @property
    def unrepeatable(self) -> str:
        """Also excludes arrays, because `Dialect.events` and `whole` cannot make them."""
        for key, value in self.named("cachedContent"):
            if value:
                return key
        if self.choices > 1 and field(self.field("generationConfig"), "temperature") != 0:
            return "candidateCount"
        return "alt" if self.array else ""

    def material(self) -> Json:
        """Includes the model, which is in the path."""
        return {**super().material(), "model": self.model}


@cache
def snake(name: str) -> str:
    return _CAPITAL.sub(r"_\1", name).lower()


def spellings(*names: str) -> frozenset[str]:
    """Returns names in camelCase as they may be written."""
    return frozenset((*names, *map(snake, names)))


def field(value: Any, name: str) -> Any:
    """Returns a field by its name in camelCase. The field itself may be in camelCase or snake_case. None if there is
    none."""
    if not isinstance(value, dict):
        return None
    found = value.get(name)
    return value.get(snake(name)) if found is None else found


def arguments_of(call: Json) -> str:
    """Returns the arguments of a functionCall as JSON text."""
    try:
        return json_text(call.get("args") or {})
    except (ValueError, RecursionError):
        return "{}"


def items_of(path: JsonPath, value: Any) -> Iterator[tuple[JsonPath, Any]]:
    """Yields the elements of a list, with their paths. A single object is taken as a list of one."""
    if isinstance(value, list):
        for index, item in enumerate(value):
            yield (*path, index), item
    elif value is not None:
        yield path, value


def _role_of(content: Any) -> Role:
    role = content.get("role") if isinstance(content, dict) else None
    return _ROLES.get(role, "user") if isinstance(role, str) else "user"


def _turns(content: Any, role: Role | None = None) -> Iterator[Turn]:
    """Yields one turn for each result of a function in a content, and then one for all its other parts."""
    if not isinstance(content, dict):
        return
    role = role or _role_of(content)
    texts: list[str] = []
    calls: list[ToolCall] = []
    results: list[Turn] = []
    for _, part in items_of((), content.get("parts")):
        said = [place.text for place in _part_places((), part, role)]
        if isinstance(result := field(part, "functionResponse"), dict):
            answers = (text_of(result.get("id")),) * len(said)
            results.append(Turn("tool", tuple(said), text_of(result.get("name")), results=True, answers=answers))
        else:
            texts += said
        if isinstance(call := field(part, "functionCall"), dict):
            calls.append(ToolCall(text_of(call.get("name")), arguments_of(call), text_of(call.get("id"))))
    yield from results
    if texts or calls or not results:
        yield Turn(role, tuple(texts), calls=tuple(calls))


def _content_places(path: JsonPath, content: Any, role: Role) -> Iterator[TextPlace]:
    if isinstance(content, dict):
        for place, part in items_of((*path, "parts"), content.get("parts")):
            yield from _part_places(place, part, role)


def _part_places(path: JsonPath, part: Any, role: Role) -> Iterator[TextPlace]:
    """Yields the texts of a part. Thoughts are left out, because they are signed and other models do not read them."""
    if not isinstance(part, dict):
        return
    if isinstance(text := part.get("text"), str) and not (role == "assistant" and part.get("thought") is True):
        yield TextPlace((*path, "text"), text, role)
    for key in ("functionResponse", "function_response"):
        if isinstance(result := part.get(key), dict):
            yield from _leaves((*path, key, "response"), result.get("response"))
    for name, inner in _OUTPUTS:
        for key in (name, snake(name)):
            if isinstance(output := part.get(key), dict) and isinstance(text := output.get(inner), str):
                yield TextPlace((*path, key, inner), text, role)


def _leaves(path: JsonPath, value: Any) -> Iterator[TextPlace]:
    """Yields the texts in the result of a function, in order."""
    waiting: list[tuple[JsonPath, Any]] = [(path, value)]
    while waiting:
        path, value = waiting.pop()
        if isinstance(value, str):
            yield TextPlace(path, value, "tool")
        elif isinstance(value, dict):
            waiting += [((*path, key), inner) for key, inner in reversed(value.items())]
        elif isinstance(value, list):
            waiting += [((*path, index), value[index]) for index in range(len(value) - 1, -1, -1)]


def tool_of(declaration: Json) -> Tool:
    """Returns the function that a declaration declares."""
    schema = field(declaration, "parametersJsonSchema")
    if schema is None:
        schema = json_schema(declaration.get("parameters"))
    return Tool(text_of(declaration.get("name")), schema, text_of(declaration.get("description")))


SIGNATURES = ("thoughtSignature", "thought_signature")
"""The names of the signature of a part."""


def unsigned(part: Json) -> Json:
    return {name: value for name, value in part.items() if name not in SIGNATURES}


def parts_of(candidate: Json) -> list[Json]:
    """Returns the parts of a candidate of an answer."""
    content = candidate.get("content")
    return rows_of(content.get("parts")) if isinstance(content, dict) else []
