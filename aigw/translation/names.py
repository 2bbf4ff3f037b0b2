"""The names of tools: those that a provider refuses are shortened, and put back in its answer.

Rule: a short name depends only on the long one, so that each turn says the same. A tool in a namespace, which only
OpenAI's Responses have, is `namespace__name` for others."""

from __future__ import annotations

import re
from collections.abc import Iterable
from hashlib import blake2b

import msgspec

from aigw.core.pace import resting
from aigw.translation.hub import Call, Conversation, Message, Result, Tool

LONGEST = 64
_REFUSED = re.compile(r"[^a-zA-Z0-9_-]")


class Names:
    """The names of one request. `written` gives the name for the provider, `tool` the client's own tool again."""

    def __init__(self, conversation: Conversation, *, longest: int = LONGEST, letter_first: bool = False) -> None:
        self._longest = longest
        self._letter_first = letter_first
        self._tools: dict[str, Tool] = {}
        for tool in conversation.tools:
            self._tools.setdefault(self.written(tool.name, tool.namespace), tool)

    def written(self, name: str, namespace: str = "") -> str:
        whole = f"{namespace}__{name}" if namespace else name
        fit = _REFUSED.sub("_", whole)
        if self._letter_first and not (fit[:1].isalpha() or fit[:1] == "_"):
            fit = f"_{fit}"
        if fit == whole and len(fit) <= self._longest:
            return whole
        digest = blake2b(whole.encode("utf-8", "surrogatepass"), digest_size=4).hexdigest()
        return f"{fit[: self._longest - 9]}_{digest}"

    def tool(self, name: str) -> Tool:
        """The tool that a call of the provider names. It may be one that the client does not have."""
        return self._tools.get(name) or Tool(name)


def renamed(conversation: Conversation, names: Names) -> Conversation:
    """Returns the conversation with the provider's names, without namespaces."""
    tools = tuple(
        msgspec.structs.replace(tool, name=names.written(tool.name, tool.namespace), namespace="")
        for tool in _once(conversation.tools)
    )
    choice = conversation.choice
    if isinstance(choice, tuple):
        chosen = next((tool for tool in conversation.tools if tool.name == choice[1]), Tool(choice[1]))
        choice = ("tool", names.written(chosen.name, chosen.namespace))
    messages = tuple(_renamed(message, names) for message in resting(conversation.messages))
    return msgspec.structs.replace(conversation, tools=tools, choice=choice, messages=messages)


def _once(tools: Iterable[Tool]) -> list[Tool]:
    """The tools without those whose name has come before: providers refuse two of one name."""
    found: dict[tuple[str, str], Tool] = {}
    for tool in tools:
        found.setdefault((tool.namespace, tool.name), tool)
    return list(found.values())


def _renamed(message: Message, names: Names) -> Message:
    if not any(isinstance(part, Call) or (isinstance(part, Result) and part.name) for part in message.parts):
        return message
    return Message(
        message.role, tuple(_named(part, names) if isinstance(part, Call | Result) else part for part in message.parts)
    )


def _named(part: Call | Result, names: Names) -> Call | Result:
    if isinstance(part, Result):
        return msgspec.structs.replace(part, name=names.written(part.name)) if part.name else part
    return msgspec.structs.replace(part, name=names.written(part.name, part.namespace), namespace="")
