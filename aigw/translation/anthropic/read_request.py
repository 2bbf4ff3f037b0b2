"""Reads a request of Anthropic's Messages API into a conversation.

Rule: what the client writes anew in each request, such as its billing line, is left out: it would spoil the prefix that
other providers cache."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from aigw.core.pace import resting
from aigw.dialects.errors import refuse_threads
from aigw.dialects.json_values import Json, json_text
from aigw.dialects.view import rows_of, text_of
from aigw.translation.base64_text import standard
from aigw.translation.hub import (
    Call,
    Conversation,
    Effort,
    Format,
    Media,
    Message,
    Part,
    Reasoning,
    Result,
    Role,
    Sampling,
    Text,
    Thinking,
    Tool,
)
from aigw.translation.notes import Notes, refused
from aigw.translation.values import integer, limit, switch, texts

BILLING = "x-anthropic-billing-header:"
"""Claude Code's first system block begins with this. It has a number that changes with each request."""
_READ = frozenset(
    ("model", "messages", "system", "max_tokens", "stream", "tools", "tool_choice", "stop_sequences", "temperature",
     "top_p", "top_k", "thinking", "output_config", "metadata")
)  # fmt: skip
_READ_OF_MESSAGES = frozenset(("role", "content"))
_READ_OF_BLOCKS = frozenset((
    "type", "cache_control", "text", "citations", "thinking", "signature", "data", "source", "title", "context", "id",
    "name", "input", "caller", "toolset_name", "tool_use_id", "content", "is_error", "tool_name",
))  # fmt: skip
"""What is known of blocks. Those of earlier turns also say who called a tool, and what was cited."""
_CHOICES = {"auto": "", "any": "required", "none": "none"}
_EFFORTS: dict[str, Effort] = {name: name for name in ("low", "medium", "high", "xhigh", "max")}
_ROLES: dict[str, Role] = {"system": "system", "developer": "system", "assistant": "assistant"}


def read_request(body: Json, notes: Notes) -> Conversation:
    """Raises GatewayError for what cannot be left out without a wrong answer."""
    refuse_threads(body)
    notes.lose_unread(body, _READ)
    config = _object(body.get("output_config"))
    notes.lose_unread(config, frozenset(("effort", "format")), "output_config: ")
    choice, parallel = _choice(body.get("tool_choice"))
    messages = tuple(_messages(body, notes))
    return Conversation(
        model=text_of(body.get("model")),
        messages=messages,
        goes_on=bool(messages) and messages[-1].role == "assistant",
        tools=tuple(_tools(body, notes)),
        choice=choice,
        parallel=parallel,
        max_tokens=limit(body.get("max_tokens"), "max_tokens"),
        stop=texts(body.get("stop_sequences")),
        sampling=Sampling(body.get("temperature"), body.get("top_p"), body.get("top_k")),
        format=_format(config.get("format")),
        reasoning=_reasoning(_object(body.get("thinking")), notes, _EFFORTS.get(text_of(config.get("effort")), "")),
        stream=switch(body.get("stream")),
        user=_user(_object(body.get("metadata")), notes),
    )


def _object(value: Any) -> Json:
    return value if isinstance(value, dict) else {}


def _messages(body: Json, notes: Notes) -> Iterator[Message]:
    if system := tuple(part for part in _parts(body.get("system"), notes) if not _is_billing(part)):
        yield Message("system", system)
    for message in resting(rows_of(body.get("messages"))):
        role = _ROLES.get(text_of(message.get("role")), "user")
        notes.lose_unread(message, _READ_OF_MESSAGES, "messages: ")
        yield Message(role, tuple(_parts(message.get("content"), notes)))


def _is_billing(part: Part) -> bool:
    return isinstance(part, Text) and part.text.startswith(BILLING)


def _parts(content: Any, notes: Notes) -> Iterator[Part]:
    """Empty texts are left out: providers refuse them."""
    if isinstance(content, str):
        if content:
            yield Text(content)
        return
    for block in rows_of(content):
        part = _part(text_of(block.get("type")), block, notes)
        if part is not None:
            notes.lose_unread(block, _READ_OF_BLOCKS, "messages: ")
        if part is not None and part != Text(""):
            yield part


def _part(kind: str, block: Json, notes: Notes) -> Part | None:
    cached = _is_marked(block)
    if kind == "text":
        return Text(text_of(block.get("text")), cached)
    if kind == "thinking":
        return Thinking(text_of(block.get("thinking")), text_of(block.get("signature")))
    if kind == "redacted_thinking":
        return Thinking("", text_of(block.get("data")), redacted=True)
    if kind == "tool_use":
        given = block.get("input")
        arguments = json_text({} if given is None else given)
        return Call(text_of(block.get("id")), text_of(block.get("name")), arguments, cached=cached)
    if kind == "tool_result":
        parts = tuple(part for part in _parts(block.get("content"), notes) if isinstance(part, Text | Media))
        failed = block.get("is_error") is True
        return Result(text_of(block.get("tool_use_id")), parts, failed, cached=cached)
    if kind in ("image", "document"):
        return _media(kind, block, cached, notes)
    return _other_part(kind, block, cached, notes)


def _is_marked(block: Json) -> bool:
    """Whether all up to here is to be cached. What is in a block may say so, too."""
    if block.get("cache_control"):
        return True
    source = block.get("source")
    inside = source.get("content") if isinstance(source, dict) else block.get("content")
    return isinstance(inside, list) and any(each.get("cache_control") for each in rows_of(inside))


def _media(kind: str, block: Json, cached: bool, notes: Notes) -> Media | Text:
    source = _object(block.get("source"))
    of, name, about = text_of(source.get("type")), text_of(block.get("title")), text_of(block.get("context"))
    if of == "file":
        raise refused(f"messages: {kind}.source.file_id", "a file that another provider keeps cannot be sent here")
    _note_citations(kind, block, notes)
    if of in ("text", "content"):
        return Text("\n".join(filter(None, (name, about, *_texts_of(source, kind, notes)))), cached)
    if about:
        notes.lose(f"messages: {kind}: context")
    type = text_of(source.get("media_type")) or ("application/pdf" if kind == "document" else "")
    data = standard(text_of(source.get("data")))
    return Media("image" if kind == "image" else "file", type, data, text_of(source.get("url")), name, cached=cached)


def _note_citations(kind: str, block: Json, notes: Notes) -> None:
    """The client wants the answer to say what of this document it is from."""
    if _object(block.get("citations")).get("enabled") is True:
        notes.lose(f"messages: {kind}: citations")


def _texts_of(source: Json, kind: str, notes: Notes) -> Iterator[str]:
    """The texts of a document that stand in the request itself."""
    if source.get("type") == "text" or isinstance(source.get("content"), str):
        yield text_of(source.get("data")) or text_of(source.get("content"))
        return
    for each in rows_of(source.get("content")):
        if each.get("type") not in ("text", None):
            notes.lose(f"messages: {kind}: {text_of(each.get('type'))}")
        yield text_of(each.get("text"))


def _other_part(kind: str, block: Json, cached: bool, notes: Notes) -> Part | None:
    """Returns a search result or the reference of a tool as text. What a provider's own tools have left is noted."""
    if kind == "search_result":
        _note_citations(kind, block, notes)
        texts = [text_of(each.get("text")) for each in rows_of(block.get("content"))]
        told = "\n".join([text_of(block.get("title")), text_of(block.get("source")), *texts]).strip()
        return Text(told, cached)
    if kind == "tool_reference":
        return Text(f"[tool {text_of(block.get('tool_name'))}]", cached)
    notes.lose(f"messages: {kind or 'a block without a type'}")
    return None


_READ_OF_TOOLS = frozenset((
    "type", "name", "description", "input_schema", "strict", "cache_control", "defer_loading", "eager_input_streaming",
))  # fmt: skip
"""The last two say when a tool is loaded and its input comes, and nothing about the answer."""


def _tools(body: Json, notes: Notes) -> Iterator[Tool]:
    for tool in rows_of(body.get("tools")):
        kind, name = text_of(tool.get("type")) or "custom", text_of(tool.get("name"))
        if kind == "custom":
            notes.lose_unread(tool, _READ_OF_TOOLS, "tools: ")
            schema, strict = tool.get("input_schema"), tool.get("strict")
            strict = strict if isinstance(strict, bool) else None
            yield Tool(name, text_of(tool.get("description")), schema, strict, cached=bool(tool.get("cache_control")))
            continue
        choice = body.get("tool_choice")
        if isinstance(choice, dict) and choice.get("type") == "tool" and choice.get("name") == name:
            raise refused("tool_choice", f"the tool {name} runs at Anthropic only, and cannot be forced here")
        notes.lose(f"tools: {kind}")


def _choice(choice: Any) -> tuple[Any, bool | None]:
    """Returns the choice and whether several calls at once are allowed."""
    if not isinstance(choice, dict):
        return "", None
    kind = text_of(choice.get("type"))
    parallel = False if choice.get("disable_parallel_tool_use") is True else None
    if kind == "tool":
        return ("tool", text_of(choice.get("name"))), parallel
    return _CHOICES.get(kind, ""), parallel


def _format(given: Any) -> Format | None:
    if not isinstance(given, dict) or given.get("type") != "json_schema":
        return None
    return Format(given.get("schema"), "answer", strict=True)


def _reasoning(thinking: Json, notes: Notes, effort: Effort) -> Reasoning:
    """A budget says more than an effort. Models that adapt think as much as the effort says."""
    notes.lose_unread(thinking, frozenset(("type", "budget_tokens", "display")), "thinking: ")
    kind = text_of(thinking.get("type"))
    if kind == "disabled":
        return Reasoning("none")
    if kind == "enabled":
        return Reasoning(effort, integer(thinking.get("budget_tokens")), shown=thinking.get("display") != "omitted")
    if kind == "adaptive":
        return Reasoning(effort or "high", shown=thinking.get("display") != "omitted")
    if kind:
        notes.lose(f"thinking: {kind}")
    return Reasoning(effort)


def _user(metadata: Json, notes: Notes) -> str:
    notes.lose_unread(metadata, frozenset(("user_id",)), "metadata: ")
    return text_of(metadata.get("user_id"))
