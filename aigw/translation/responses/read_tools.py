"""Reads the tools of a request of OpenAI's Responses API, and which of them must be called.

Rule: a tool that the client runs is kept, whatever form its declaration has. One that only OpenAI can run is left out
with a note, and refused where the model must call it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from aigw.dialects.json_values import Json
from aigw.dialects.view import rows_of, text_of
from aigw.translation.hub import Tool
from aigw.translation.notes import Notes, refused
from aigw.translation.values import boolean

_TEXT = {"type": "string"}
_WORDS = {"type": "array", "items": _TEXT}
_NUMBER = {"type": "integer"}


def _schema(required: list[str], **properties: Any) -> Json:
    return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}


CLIENT_TOOLS = {
    tool.kind: tool
    for tool in (
        Tool(
            "local_shell",
            "Runs a command on the user's machine and returns its output.",
            _schema(["command"], command=_WORDS, working_directory=_TEXT, timeout_ms=_NUMBER),
            kind="local_shell",
        ),
        Tool(
            "shell",
            "Runs shell commands on the user's machine and returns what they print.",
            _schema(["commands"], commands=_WORDS, timeout_ms=_NUMBER, max_output_length=_NUMBER),
            kind="shell",
        ),
        Tool(
            "apply_patch",
            "Creates, changes or deletes one file. `diff` is a diff in the V4A format; deleting needs none.",
            _schema(
                ["type", "path"],
                type={"type": "string", "enum": ["create_file", "update_file", "delete_file"]},
                path=_TEXT,
                diff=_TEXT,
            ),
            kind="apply_patch",
        ),
    )
}
"""The tools that OpenAI's models know without a schema, with one for models that do not."""
_READ = frozenset(("type", "name", "description", "parameters", "strict", "format", "defer_loading"))
_HOSTED = ("container_auto", "container_reference")
"""The environments of a shell in which OpenAI runs it."""
_MODES = {"auto": "", "none": "none", "required": "required"}


def tools_of(declared: Any, notes: Notes, namespace: str = "") -> Iterator[Tool]:
    """Yields the tools of a list."""
    for tool in rows_of(declared):
        kind, name = text_of(tool.get("type")), text_of(tool.get("name"))
        if kind == "namespace" and not namespace:
            if tool.get("description"):
                notes.lose("tools: the description of a namespace")
            yield from tools_of(tool.get("tools"), notes, name)
        elif kind in ("function", "custom"):
            notes.lose_unread(tool, _READ, "tools: ")
            yield _function(tool, kind == "custom", namespace)
        elif kind == "tool_search" and tool.get("execution") == "client":
            yield Tool(kind, text_of(tool.get("description")), tool.get("parameters"), kind=kind)
        elif kind in CLIENT_TOOLS and _environment(tool).get("type") not in _HOSTED:
            notes.lose_unread(tool, frozenset(("type", "environment")), "tools: ")
            notes.lose_unread(_environment(tool), frozenset(("type",)), "tools: environment.")
            yield CLIENT_TOOLS[kind]
        else:
            notes.lose(f"tools: {kind or 'one without a type'}")


def _environment(tool: Json) -> Json:
    given = tool.get("environment")
    return given if isinstance(given, dict) else {}


def _function(tool: Json, custom: bool, namespace: str) -> Tool:
    return Tool(
        text_of(tool.get("name")),
        text_of(tool.get("description")),
        None if custom else tool.get("parameters"),
        boolean(tool.get("strict")),
        custom,
        _grammar(tool.get("format")) if custom else None,
        namespace,
    )


def _grammar(format: Any) -> Any:
    """Returns the grammar of a custom tool, None if the tool takes any text."""
    return format if isinstance(format, dict) and format.get("type") == "grammar" else None


def choice_of(choice: Any, tools: Iterable[Tool]) -> tuple[Any, tuple[Tool, ...]]:
    """Returns which tool must be called, as in `Conversation.choice`, and the tools that may be called."""
    tools = tuple(tools)
    if not isinstance(choice, dict):
        mode = _MODES.get(text_of(choice), "")
        if mode == "required" and not tools:
            raise refused("tool_choice", "none of the tools can be called at this provider")
        return mode, tools
    kind = text_of(choice.get("type"))
    if kind == "allowed_tools":
        allowed = [named(each, tools) for each in rows_of(choice.get("tools"))]
        chosen = tuple(tool for tool in tools if tool in allowed)
        return choice_of(text_of(choice.get("mode")), chosen)
    found = named(choice, tools)
    if found is None:
        raise refused("tool_choice", f"{text_of(choice.get('name')) or kind} is no tool that runs at this provider")
    return ("tool", found.name), tools


def named(choice: Json, tools: Iterable[Tool]) -> Tool | None:
    """Returns the tool of which a choice speaks."""
    kind, name = text_of(choice.get("type")), text_of(choice.get("name"))
    if kind in ("function", "custom"):
        return next((tool for tool in tools if tool.name == name), None)
    return next((tool for tool in tools if tool.kind == kind and kind), None)
