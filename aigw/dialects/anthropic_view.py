"""Reads and edits requests of Anthropic's Messages API, also those that only count tokens.

Rules of the wire: `system` is a text or blocks, and is not part of the messages. Newer clients also send messages with
the role `system`. Calls are `tool_use` blocks of the assistant. Their results are `tool_result` blocks in the next user
message, before the text of the user."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from aigw.core.answer import ToolCall
from aigw.core.dialect import Role, Said, TextPlace, Tool, Turn, Where
from aigw.core.document import Document
from aigw.core.json_path import JsonPath
from aigw.core.large_json import Elements
from aigw.dialects.json_edit import place_of
from aigw.dialects.json_values import Json, decoded, encoded, json_text
from aigw.dialects.openai_chat_request import messages_of, set_messages
from aigw.dialects.view import RequestView, rows_of, text_of

CALLS = frozenset(("tool_use", "server_tool_use", "mcp_tool_use"))
"""The types of blocks that are calls. The provider itself runs the calls of the last two types."""
_SESSION = "_session_"
BILLING = "x-anthropic-billing-header:"
"""The beginning of the block of instructions in which Claude Code names its version, for the vendor's books. It differs
from run to run."""
_ROLES: dict[str, Role] = {"system": "system", "developer": "system", "assistant": "assistant"}


class MessagesView(RequestView):
    PROMPTS = ("messages", "system")
    STATEFUL = (*RequestView.STATEFUL, "container", "thread")

    @property
    def turns(self) -> Sequence[Turn]:
        system = tuple(place.text for place in _places(("system",), self.get("system"), "system"))
        first = [Turn("system", system)] if system else []
        return self.objects("messages", _turn, first)

    @property
    def places(self) -> Sequence[TextPlace]:
        """Thinking is left out, because it is signed and must not be changed."""
        found = list(_places(("system",), self.get("system"), "system"))
        messages = self.get("messages")
        for index, message in enumerate(messages if isinstance(messages, list) else ()):
            if isinstance(message, dict):
                found += _places(("messages", index, "content"), message.get("content"), _role(message))
        return found

    @property
    def tools(self) -> Sequence[Tool]:
        """Anthropic's own tools are left out, because they have no schema."""
        own = [tool for tool in rows_of(self.get("tools")) if tool.get("type") in (None, "custom")]
        return [
            Tool(text_of(tool.get("name")), tool.get("input_schema"), text_of(tool.get("description"))) for tool in own
        ]

    @property
    def session(self) -> str:
        metadata = self.get("metadata")
        return session_in(text_of(metadata.get("user_id"))) if isinstance(metadata, dict) else ""

    def material(self) -> Json:
        """Leaves out what Claude Code says of itself in the instructions."""
        found = super().material()
        if isinstance(system := found.get("system"), list | Elements):
            found["system"] = [block for block in system if not is_billing(block)]
        return found

    @property
    def tool_choice(self) -> str:
        choice = self.get("tool_choice")
        kind = choice.get("type") if isinstance(choice, dict) else None
        if kind == "tool":
            return text_of(choice.get("name"))
        return {"any": "required", "none": "none"}.get(text_of(kind), "")


def is_billing(block: Any) -> bool:
    return isinstance(block, dict) and text_of(block.get("text")).startswith(BILLING)


def session_in(user: str) -> str:
    """Returns the session in a `metadata.user_id` of Claude Code: JSON text with `session_id`, or in older versions
    `user_..._session_...`. "" if it is something else."""
    try:
        named = decoded(user.encode())
    except ValueError:
        return user.rpartition(_SESSION)[2] if _SESSION in user else ""
    return text_of(named.get("session_id")) if isinstance(named, dict) else ""


class CountView(MessagesView):
    """A request that only counts its tokens."""

    metered = False

    @property
    def generates(self) -> bool:
        return False


def _role(message: Json) -> Role:
    return _ROLES.get(text_of(message.get("role")), "user")


def _turn(message: Json) -> Turn:
    """Returns a message as a turn. A message with results of tools is one turn with `results`, even if it also has text
    of the user."""
    content = message.get("content")
    blocks = rows_of(content)
    results = any(block.get("type") == "tool_result" for block in blocks)
    role = "tool" if results else _role(message)
    calls = [
        ToolCall(text_of(block.get("name")), json_text(block.get("input", {})), text_of(block.get("id")))
        for block in blocks
        if text_of(block.get("type")) in CALLS
    ]
    places = list(_places((), content, role))
    answers = tuple(_call_of(content, place.path) for place in places) if results else ()
    return Turn(role, tuple(place.text for place in places), calls=tuple(calls), results=results, answers=answers)


def _call_of(content: Any, path: JsonPath) -> str:
    """Returns the id of the call to whose result a text in a list of blocks belongs."""
    return text_of(content[path[0]].get("tool_use_id"))


def _places(path: JsonPath, content: Any, role: Role) -> Iterator[TextPlace]:
    """Yields the texts of a content: the content itself if it is a text, or those of its blocks, results and
    documents."""
    if isinstance(content, str):
        yield TextPlace(path, content, role)
    for index, block in enumerate(content if isinstance(content, list) else ()):
        if not isinstance(block, dict):
            continue
        here, kind, source = (*path, index), text_of(block.get("type")), block.get("source")
        if isinstance(text := block.get("text"), str):
            yield TextPlace((*here, "text"), text, role)
        elif kind.endswith("_result"):
            yield from _places((*here, "content"), block.get("content"), "tool" if "tool_" in kind else role)
        elif kind == "document" and isinstance(source, dict):
            field = "data" if source.get("type") == "text" else "content"
            yield from _places((*here, "source", field), source.get(field), role)


def insert(document: Document, turns: Iterable[tuple[Said, str]], where: Where) -> None:
    """Inserts turns. A system turn goes into `system`. Any other turn is joined with a neighbour of the same role,
    because not every provider accepts two messages of one role in a row. Empty texts are left out, because providers
    refuse them."""
    messages = messages_of(document)
    texts = [(_ROLES.get(role, "user"), text) for role, text in turns if text]
    if system := [_block(text) for role, text in texts if role == "system"]:
        held = _blocks(document, "system")
        document.set("system", [*system, *held] if where == "before" else [*held, *system])
    if said := [(role, text) for role, text in texts if role != "system"]:
        set_messages(document, _with(messages, said, where))


def _with(messages: Sequence[Document], said: Iterable[tuple[Said, str]], where: Where) -> list[Document]:
    place = place_of(where, [_ROLES.get(text_of(message.get("role"))) for message in messages])
    found = list(messages[:place])
    for role, text in said:
        _add(found, Document(encoded({"role": role, "content": text})))
    for message in messages[place : place + 1]:
        _add(found, message)
    return [*found, *messages[place + 1 :]]


def _add(messages: list[Document], message: Document) -> None:
    if messages and messages[-1].get("role") == message.get("role"):
        messages[-1].set("content", [*_blocks(messages[-1], "content"), *_blocks(message, "content")])
    else:
        messages.append(message)


def _blocks(document: Document, name: str) -> list[Any]:
    """Returns a field as a list of blocks. Existing blocks keep their bytes."""
    content = document.get(name)
    if content is None or isinstance(content, str):
        return [_block(content)] if content else []
    return list(document.items_of(name))


def _block(text: str) -> Json:
    return {"type": "text", "text": text}
