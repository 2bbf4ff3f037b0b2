"""What OpenAI's chat completions refuse for models that think, beside what chat_check.py refuses."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import Meta, Struct
from stage.vendors import chat_check
from stage.vendors.chat_check import Answered, Assistant, Limits, Message, Name, Part, Request, System, User
from stage.vendors.vendor import RefusedError


class Developer(Message, tag="developer"):
    content: str | list[Part] = ""


class Schema(Struct, forbid_unknown_fields=True):
    name: Name
    schema: dict[str, Any] | None = None
    strict: bool | None = None
    description: str | None = None


class Format(Struct, forbid_unknown_fields=True):
    type: Literal["text", "json_object", "json_schema"]
    json_schema: Schema | None = None


class OpenAIRequest(Request, forbid_unknown_fields=True):
    messages: Annotated[list[System | Developer | User | Assistant | Answered], Meta(min_length=1)]
    stop: str | Annotated[list[str], Meta(max_length=4)] | None = None
    response_format: Format | None = None
    reasoning_effort: Literal["none", "minimal", "low", "medium", "high", "xhigh", "max"] | None = None
    thinking: None = None
    verbosity: Literal["low", "medium", "high"] | None = None
    store: bool | None = None
    metadata: dict[str, str] | None = None
    prompt_cache_key: str | None = None
    safety_identifier: str | None = None
    service_tier: str | None = None
    logit_bias: dict[str, float] | None = None


def check(body: Any) -> None:
    """Raises RefusedError."""
    chat_check.check(body, Limits(128000, sees=True), OpenAIRequest)
    thinks = body.get("reasoning_effort") != "none"
    if body.get("tools") and thinks:
        raise RefusedError(
            f"Function tools with reasoning_effort are not supported for {body['model']} in /v1/chat/completions. Please "
            "use /v1/responses instead."
        )
    if "thinking" in body:
        raise RefusedError("Unknown parameter: 'thinking'.")
    if body.get("max_tokens") is not None:
        raise RefusedError(
            "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead."
        )
    for name in ("temperature", "top_p", "stop", "presence_penalty", "frequency_penalty", "logprobs"):
        if thinks and body.get(name) not in (None, 1, 0, False):
            raise RefusedError(f"Unsupported parameter: '{name}' is not supported with this model.")
    for at, message in enumerate(body["messages"]):
        for name in ("reasoning_content", "reasoning"):
            if name in message:
                raise RefusedError(f"Unknown parameter: 'messages[{at}].{name}'.")
