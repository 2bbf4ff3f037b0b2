"""Reads and edits requests of OpenAI's Responses API.

Rules of the wire: `input` is a text or a list of items. One turn of the model is several items in a row: reasoning, a
message, calls. Each result of a call is an item of its own. `instructions` come before all items. Tools may also be
declared by items (`additional_tools`), and in namespaces."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from aigw.core.answer import ToolCall
from aigw.core.dialect import Role, Said, TextPlace, Tool, Turn, Where
from aigw.core.document import Document
from aigw.core.json_path import JsonPath
from aigw.core.large_json import Elements
from aigw.dialects.json_edit import place_of
from aigw.dialects.json_values import Json, json_text
from aigw.dialects.view import RequestView, rows_of, text_of

_ROLES: dict[str, Role] = {"system": "system", "developer": "system", "assistant": "assistant"}
_TEXTS = ("text", "refusal", "stdout", "stderr")
"""The fields of a part that are texts."""
_ARGUMENTS = ("arguments", "input", "action", "operation", "code", "queries")
"""The fields with the arguments of a call. Each type of call has one of them."""
_FUNCTIONS = ("function", "custom")
_DECLARING = ("additional_tools", "tool_search_output")
"""The types of items that declare tools."""


class ResponsesView(RequestView):
    PROMPTS = ("input", "instructions")
    LIMITS = ("max_output_tokens",)
    IMMATERIAL = (*RequestView.IMMATERIAL, "client_metadata")

    @property
    def turns(self) -> Sequence[Turn]:
        instructions, given = text_of(self.get("instructions")), self.get("input")
        found = [Turn("system", (instructions,))] if instructions else []
        if isinstance(given, str):
            found.append(Turn("user", (given,)))
        for item in rows_of(given):
            kind = text_of(item.get("type"))
            if is_call(kind):
                _add_call(found, call_of(item))
            elif is_message(item) or kind.endswith("_output"):
                role, texts = _role(item), tuple(place.text for place in _item_places((), item))
                results = role == "tool"
                answers = (text_of(item.get("call_id")),) * len(texts) if results else ()
                found.append(Turn(role, texts, results=results, answers=answers))
        return found

    @property
    def places(self) -> Sequence[TextPlace]:
        """Reasoning is left out, because the provider accepts it only unchanged."""
        instructions, given = text_of(self.get("instructions")), self.get("input")
        found = [TextPlace(("instructions",), instructions, "system")] if instructions else []
        if isinstance(given, str):
            found.append(TextPlace(("input",), given, "user"))
        for index, item in enumerate(given if isinstance(given, list) else ()):
            if isinstance(item, dict):
                found += _item_places(("input", index), item)
        return found

    @property
    def tools(self) -> Sequence[Tool]:
        """Functions and custom tools (which have no schema), without the tools that the provider itself runs."""
        return [
            Tool(text_of(tool.get("name")), tool.get("parameters"), text_of(tool.get("description")))
            for tool, _ in self._declared()
        ]

    def material(self) -> Json:
        """Returns the material without the ids of items."""
        found = super().material()
        if isinstance(items := found.get("input"), Elements):
            found["input"] = items.changed(_unnamed)
        elif isinstance(items, list):
            found["input"] = [_unnamed(item) for item in items]
        return found

    @property
    def session(self) -> str:
        """The session. Codex names it in the body, too, beside its headers."""
        about = self.get("client_metadata")
        return text_of(about.get("session_id")) if isinstance(about, dict) else ""

    @property
    def tool_choice(self) -> str:
        choice = self.get("tool_choice")
        if not isinstance(choice, dict):
            return choice if choice in ("required", "none") else ""
        if choice.get("type") in _FUNCTIONS:
            return text_of(choice.get("name"))
        return "required" if choice.get("mode") == "required" else ""

    def declaration(self, name: str) -> tuple[str, str]:
        """Returns the type of a tool (function or custom) and its namespace ("" if it has none)."""
        for tool, namespace in self._declared():
            if tool.get("name") == name:
                return text_of(tool.get("type")), namespace
        return "function", ""

    def _declared(self) -> Iterator[tuple[Json, str]]:
        items = (item for item in rows_of(self.get("input")) if item.get("type") in _DECLARING)
        for tools in (self.get("tools"), *(item.get("tools") for item in items)):
            for tool in rows_of(tools):
                if tool.get("type") in _FUNCTIONS:
                    yield tool, ""
                elif tool.get("type") == "namespace":
                    inner = (each for each in rows_of(tool.get("tools")) if each.get("type") in _FUNCTIONS)
                    yield from ((each, text_of(tool.get("name"))) for each in inner)

    @property
    def size(self) -> int:
        if not self.media:
            return super().size
        turns = self.turns
        calls = sum(len(call.arguments) for turn in turns for call in turn.calls)
        return calls + sum(len(text) for turn in turns for text in turn.texts)

    @property
    def unrepeatable(self) -> str:
        """Includes `store`: a response is stored unless the client sets it to false."""
        return super().unrepeatable or ("" if self.get("store") is False else "store")


def _unnamed(item: Any) -> Any:
    """Returns an item without its id, because Codex makes up new ids in each run. Ids of calls stay, and so does an id
    that refers to something that the provider keeps."""
    if not isinstance(item, dict) or "id" not in item:
        return item
    whole = is_message(item) or "call_id" in item or item.get("type") in _DECLARING or item.get("encrypted_content")
    return {name: value for name, value in item.items() if name != "id"} if whole else item


class CountView(ResponsesView):
    """A request that only counts its tokens."""

    metered = False

    @property
    def generates(self) -> bool:
        return False


def is_message(item: Json) -> bool:
    """Whether an item is a message. A message need not have a type."""
    kind = item.get("type")
    return kind == "message" or (kind is None and "role" in item)


def is_call(kind: str) -> bool:
    """Whether an item of this type is a call, also one that the provider itself has run."""
    return kind.endswith("_call")


def call_of(item: Json) -> ToolCall:
    kind = text_of(item.get("type"))
    given = next((item[name] for name in _ARGUMENTS if item.get(name) is not None), "")
    return ToolCall(
        text_of(item.get("name")) or kind.removesuffix("_call"),
        given if isinstance(given, str) else json_text(given),
        text_of(item.get("call_id")) or text_of(item.get("id")),
    )


def _add_call(turns: list[Turn], call: ToolCall) -> None:
    """Adds a call to the turn of the assistant to which it belongs."""
    if turns and turns[-1].role == "assistant":
        turns[-1] = turns[-1]._replace(calls=(*turns[-1].calls, call))
    else:
        turns.append(Turn("assistant", (), calls=(call,)))


def _role(item: Json) -> Role:
    return _ROLES.get(text_of(item.get("role")), "user") if is_message(item) else "tool"


def _item_places(path: JsonPath, item: Json) -> Iterator[TextPlace]:
    """Yields the texts of a message, or of the result of a call."""
    name, role = "content" if is_message(item) else "output", _role(item)
    content = item.get(name)
    if isinstance(content, str):
        yield TextPlace((*path, name), content, role)
    for index, part in enumerate(content if isinstance(content, list) else ()):
        for member in _TEXTS if isinstance(part, dict) else ():
            if isinstance(text := part.get(member), str):
                yield TextPlace((*path, name, index, member), text, role)


def insert(document: Document, turns: Iterable[tuple[Said, str]], where: Where) -> None:
    """Inserts each text as an item. System texts before all others are added to the instructions, if there are any."""
    texts = [(role, text) for role, text in turns if text]
    items = _items(document)
    instructions = text_of(document.get("instructions"))
    if where == "before" and instructions:
        before = [text for role, text in texts if _ROLES.get(role) == "system"]
        texts = [(role, text) for role, text in texts if _ROLES.get(role) != "system"]
        if before:
            document.set("instructions", "\n\n".join([*before, instructions]))
    place = place_of(where, _roles(document, items))
    if added := [_message(role, text) for role, text in texts]:
        document.set("input", [*items[:place], *added, *items[place:]])


def _items(document: Document) -> list[Any]:
    given = document.get("input")
    return [_message("user", given)] if isinstance(given, str) else list(document.items_of("input"))


def _roles(document: Document, items: Sequence[Any]) -> list[Role | None]:
    given = document.get("input")
    decoded = given if isinstance(given, list) else items
    return [_ROLES.get(text_of(item.get("role"))) if isinstance(item, dict) else None for item in decoded]


def _message(role: Said, text: str) -> Json:
    return {"type": "message", "role": role if role in _ROLES else "user", "content": text}
