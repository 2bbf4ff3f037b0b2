"""A conversation in no wire format: what a request asks for, as translation reads it from one format and writes it into
another.

Rule: it is the superset of the formats. Parts keep their order, a result of a tool keeps its images, and reasoning
keeps the opaque state in which its maker will recognize it. What only one format has is not here: whoever reads such a
field notes it as lost (`notes`)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from msgspec import Struct

from aigw.core.answer import Finish

Role = Literal["system", "user", "assistant"]
Kind = Literal["image", "audio", "file"]
Effort = Literal["", "none", "minimal", "low", "medium", "high", "xhigh", "max"]
"""How much a model should think, in OpenAI's words. "" means that the client did not say."""


class Text(Struct, frozen=True):
    """A text in a message. `cached`: the client wants all up to here to be cached. `refusal`: the model refused with
    these words."""

    text: str
    cached: bool = False
    refusal: bool = False


class Media(Struct, frozen=True):
    """An image, a sound or a file: `data` is base64 in the standard alphabet, or else `url` is where it is. `type` is
    the media type, such as image/png, "" if it is not known. `detail` is OpenAI's low, high or auto."""

    kind: Kind
    type: str = ""
    data: str = ""
    url: str = ""
    name: str = ""
    detail: str = ""
    cached: bool = False

    @property
    def data_url(self) -> str:
        """A URL with the data itself, or the URL where it is."""
        return f"data:{self.type};base64,{self.data}" if self.data else self.url


class Thinking(Struct, frozen=True):
    """Reasoning of the model. `state` is what its maker wants back: a signature or an encrypted text, which may be in
    an envelope (`envelope`). `redacted`: there is nothing but the state."""

    text: str = ""
    state: str = ""
    redacted: bool = False


class Call(Struct, frozen=True):
    """A call of a tool. `arguments` is JSON text, or any text if the tool is `custom`. `state` is as in `Thinking`."""

    id: str
    name: str
    arguments: str
    custom: bool = False
    namespace: str = ""
    state: str = ""
    cached: bool = False


class Result(Struct, frozen=True):
    """The result of the call with this id. `failed`: the tool reports an error. `name` is the name of the tool, "" if
    the format does not have it."""

    id: str
    parts: tuple[Text | Media, ...]
    failed: bool = False
    custom: bool = False
    name: str = ""
    cached: bool = False

    @property
    def text(self) -> str:
        """Its texts, one a line."""
        return "\n".join([part.text for part in self.parts if isinstance(part, Text)])

    @property
    def media(self) -> tuple[Media, ...]:
        return tuple(part for part in self.parts if isinstance(part, Media))


Part = Text | Media | Thinking | Call | Result


class Message(Struct, frozen=True):
    """A message of one side. Results are parts of a user's message."""

    role: Role
    parts: tuple[Part, ...]

    @property
    def text(self) -> str:
        """Its texts, without anything between them."""
        return "".join([part.text for part in self.parts if isinstance(part, Text)])

    @property
    def calls(self) -> tuple[Call, ...]:
        return tuple(part for part in self.parts if isinstance(part, Call))

    @property
    def results(self) -> tuple[Result, ...]:
        return tuple(part for part in self.parts if isinstance(part, Result))


class Tool(Struct, frozen=True):
    """A tool that the model may call. `parameters` is its JSON Schema, None if it has none. A `custom` tool takes any
    text; `grammar` is OpenAI's `format` of it, as Responses have it: type, syntax and definition side by side. `kind`
    is the type of a tool that the client declares only by its type, such as local_shell. The calls of such a tool have
    a form of their own."""

    name: str
    description: str = ""
    parameters: Any = None
    strict: bool | None = None
    custom: bool = False
    grammar: Any = None
    namespace: str = ""
    cached: bool = False
    kind: str = ""


class Reasoning(Struct, frozen=True):
    """How the model should think. `budget` is how many tokens it may use, None if the client did not say, -1 if the
    model decides. `shown`: the client wants to see the reasoning; None if it did not say."""

    effort: Effort = ""
    budget: int | None = None
    shown: bool | None = None


class Format(Struct, frozen=True):
    """The answer must be JSON: any object if `schema` is None, otherwise one that fits this JSON Schema."""

    schema: Any = None
    name: str = ""
    strict: bool | None = None
    description: str = ""

    @property
    def described(self) -> Any:
        """The schema with the description inside, where the format of a provider has no other place for it."""
        if not self.description or not isinstance(self.schema, dict) or "description" in self.schema:
            return self.schema
        return {**self.schema, "description": self.description}


class Sampling(Struct, frozen=True):
    """How the next token is chosen. None: the client did not say. Numbers are as in OpenAI's API, where temperature is
    from 0 to 2."""

    temperature: Any = None
    top_p: Any = None
    top_k: Any = None
    seed: Any = None
    frequency_penalty: Any = None
    presence_penalty: Any = None


class Conversation(Struct, frozen=True, kw_only=True):
    """All that a request asks for. `choice` is which tool must be called: "" if the model decides, "required", "none",
    or ("tool", name). `user` is what the client calls its user. `wants_state`: the client sends the opaque state of
    reasoning back if it gets it. `goes_on`: the last message is the assistant's, and the answer must continue it.
    `repeated` are fields of the request that answers in the client's format repeat. `openais` are fields of chat
    completions that only OpenAI's other API has, in the same words. `one_call`: the client knows calls in the form
    that chat completions had before tools, one in an answer."""

    model: str
    messages: tuple[Message, ...]
    tools: tuple[Tool, ...] = ()
    choice: str | tuple[Literal["tool"], str] = ""
    parallel: bool | None = None
    max_tokens: int | None = None
    stop: tuple[str, ...] = ()
    choices: int = 1
    sampling: Sampling = Sampling()
    format: Format | None = None
    reasoning: Reasoning = Reasoning()
    stream: bool = False
    wants_usage: bool = True
    user: str = ""
    verbosity: str = ""
    wants_state: bool = True
    goes_on: bool = False
    repeated: Mapping[str, Any] = {}
    openais: Mapping[str, Any] = {}
    one_call: bool = False

    @property
    def forced(self) -> bool:
        """Whether the model must call a tool."""
        return self.choice == "required" or isinstance(self.choice, tuple)


__all__ = [
    "Call", "Conversation", "Effort", "Finish", "Format", "Kind", "Media", "Message", "Part", "Reasoning", "Result",
    "Role", "Sampling", "Text", "Thinking", "Tool",
]  # fmt: skip
