"""What providers of chat completions refuse, as DeepSeek and Moonshot do: other roles, unknown fields, calls that are not
answered, too many tokens, a JSON mode that the prompt does not speak of."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct, field, to_builtins
from stage.vendors.vendor import RefusedError, fits, texts

Name = Annotated[str, Meta(pattern=r"^[a-zA-Z0-9_-]{1,64}$")]


class Function(Struct, forbid_unknown_fields=True):
    name: Name
    description: str = ""
    parameters: dict[str, Any] = field(default_factory=dict)
    strict: bool | None = None


class FunctionTool(Struct, forbid_unknown_fields=True):
    function: Function
    type: Literal["function"]


class Called(Struct, forbid_unknown_fields=True):
    name: Name
    arguments: str
    parsed_arguments: None = None


class ToolCall(Struct, forbid_unknown_fields=True):
    id: Annotated[str, Meta(min_length=1)]
    function: Called
    type: Literal["function"]
    index: int | None = None


class Part(Struct, forbid_unknown_fields=True):
    type: Literal["text"]
    text: str


class ImageUrl(Struct, forbid_unknown_fields=True):
    url: Annotated[str, Meta(pattern=r"^(https?://|data:image/(png|jpeg|gif|webp);base64,[A-Za-z0-9+/]+=*$)")]
    detail: Literal["auto", "low", "high"] = "auto"


class Image(Struct, forbid_unknown_fields=True, tag_field="type", tag="image_url"):
    image_url: ImageUrl


class Text(Struct, forbid_unknown_fields=True, tag_field="type", tag="text"):
    text: str


class Message(Struct, forbid_unknown_fields=True, tag_field="role"):
    name: str | None = None


class System(Message, tag="system"):
    content: str | list[Part] = ""


class User(Message, tag="user", kw_only=True):
    content: str | list[Text | Image]


class Assistant(Message, tag="assistant"):
    """The last fields are OpenAI's, which its SDKs send back with null."""

    content: str | list[Part] | None = None
    tool_calls: Annotated[list[ToolCall], Meta(min_length=1)] | None = None
    reasoning_content: str | None = None
    reasoning: str | None = None
    refusal: None = None
    audio: None = None
    function_call: None = None
    annotations: list[Any] | None = None
    parsed: None = None


class Answered(Message, tag="tool", kw_only=True):
    tool_call_id: str
    content: str | list[Part]


class StreamOptions(Struct, forbid_unknown_fields=True):
    include_usage: bool = False


class Format(Struct, forbid_unknown_fields=True):
    type: Literal["text", "json_object"]


class ThisFunction(Struct, forbid_unknown_fields=True):
    name: str


class ThisTool(Struct, forbid_unknown_fields=True):
    function: ThisFunction
    type: Literal["function"]


class Thinking(Struct, forbid_unknown_fields=True):
    type: Literal["enabled", "disabled"]


class Request(Struct, forbid_unknown_fields=True):
    model: str
    messages: Annotated[list[System | User | Assistant | Answered], Meta(min_length=1)]
    tools: Annotated[list[FunctionTool], Meta(min_length=1, max_length=128)] | None = None
    tool_choice: Literal["none", "auto", "required"] | ThisTool | None = None
    parallel_tool_calls: bool | None = None
    max_tokens: Annotated[int, Meta(ge=1)] | None = None
    max_completion_tokens: Annotated[int, Meta(ge=1)] | None = None
    temperature: Annotated[float, Meta(ge=0, le=2)] | None = None
    top_p: Annotated[float, Meta(gt=0, le=1)] | None = None
    frequency_penalty: Annotated[float, Meta(ge=-2, le=2)] | None = None
    presence_penalty: Annotated[float, Meta(ge=-2, le=2)] | None = None
    stop: str | Annotated[list[str], Meta(max_length=16)] | None = None
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    response_format: Format | None = None
    reasoning_effort: Literal["low", "medium", "high"] | None = None
    thinking: Thinking | None = None
    n: Literal[1] | None = None
    seed: int | None = None
    user: str | None = None
    logprobs: bool | None = None
    top_logprobs: Annotated[int, Meta(ge=0, le=20)] | None = None


@dataclass(frozen=True)
class Limits:
    """Of one vendor. `wants_thoughts`: what its model thought before a call must come back."""

    tokens: int
    sees: bool = False
    wants_thoughts: bool = False


def check(body: Any, limits: Limits, kind: type[Request] = Request) -> None:
    """Raises RefusedError."""
    asked = fits(body, kind)
    if asked.stream_options and not asked.stream:
        raise RefusedError("stream_options should be set along with stream = true")
    if (asked.max_tokens or 0) > limits.tokens:
        raise RefusedError(f"Invalid max_tokens value, the valid range of max_tokens is [1, {limits.tokens}]")
    if asked.tool_choice not in (None, "none") and not asked.tools:
        raise RefusedError("When using `tool_choice`, `tools` must be set.")
    if asked.thinking and asked.thinking.type == "enabled" and asked.tool_choice not in (None, "none", "auto"):
        raise RefusedError("deepseek-reasoner does not support this tool_choice")
    if asked.response_format and asked.response_format.type == "json_object":
        _check_json_mode(asked)
    _check_turns(asked.messages, limits)


def _check_json_mode(asked: Request) -> None:
    if not any("json" in texts(message.get("content")).lower() for message in to_builtins(asked.messages)):
        words = "Prompt must contain the word 'json' in some form to use 'response_format' of type 'json_object'."
        raise RefusedError(words)


def _check_turns(messages: list[Any], limits: Limits) -> None:
    open_calls: list[str] = []
    thinks = False
    for at, message in enumerate(messages):
        if isinstance(message, Answered):
            if message.tool_call_id not in open_calls:
                raise RefusedError(
                    "Messages with role 'tool' must be a response to a preceding message with 'tool_calls'"
                )
            open_calls.remove(message.tool_call_id)
            continue
        _none_open(open_calls)
        if isinstance(message, User):
            thinks = "stage: think" in texts(to_builtins(message.content))
            _check_images(message, at, limits)
        if isinstance(message, Assistant):
            open_calls = _check_answer(message, at, wants_thought=thinks and limits.wants_thoughts)
    _none_open(open_calls)


def _none_open(calls: list[str]) -> None:
    if calls:
        raise RefusedError(
            "An assistant message with 'tool_calls' must be followed by tool messages responding to each "
            f"'tool_call_id'. (insufficient tool messages following tool_calls message: {', '.join(calls)})"
        )


def _check_images(message: User, at: int, limits: Limits) -> None:
    parts = [] if isinstance(message.content, str) else message.content
    if not limits.sees and any(isinstance(part, Image) for part in parts):
        raise RefusedError(f"messages[{at}]: unknown variant `image_url`, expected `text`")


def _check_answer(message: Assistant, at: int, *, wants_thought: bool) -> list[str]:
    """The ids of the calls that must be answered now."""
    calls = message.tool_calls or []
    if not calls and not message.content:
        raise RefusedError("Invalid assistant message: content or tool_calls must be set")
    if calls and wants_thought and not (message.reasoning_content or "").strip():
        raise RefusedError(f"Missing `reasoning_content` field in the assistant message at message index {at}")
    for call in calls:
        try:
            whole = isinstance(json.loads(call.function.arguments), dict)
        except ValueError:
            whole = False
        if not whole:
            raise RefusedError(f"messages[{at}]: the arguments of {call.function.name} are no JSON object")
    return [call.id for call in calls]
