"""What OpenAI's Responses API refuses, in its words."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct, field
from stage.vendors.signatures import signature
from stage.vendors.vendor import RefusedError, fits

Name = Annotated[str, Meta(pattern=r"^[a-zA-Z0-9_-]{1,64}$")]
CallId = Annotated[str, Meta(min_length=1, max_length=64)]
REASONS = re.compile(r"gpt-5|o\d")
"""Models that take no sampling settings."""


class Part(Struct, forbid_unknown_fields=True, tag_field="type"):
    pass


class InputText(Part, tag="input_text"):
    text: str


class InputImage(Part, tag="input_image"):
    image_url: str | None = None
    file_id: str | None = None
    detail: Literal["auto", "low", "high", "original"] | None = None


class InputFile(Part, tag="input_file"):
    file_data: str | None = None
    file_id: str | None = None
    file_url: str | None = None
    filename: str | None = None


class OutputText(Part, tag="output_text"):
    text: str
    annotations: list[Any] | None = None
    logprobs: list[Any] | None = None


class Refusal(Part, tag="refusal"):
    refusal: str


class ReasoningText(Part, tag="reasoning_text"):
    text: str


class Summary(Part, tag="summary_text"):
    text: str


Parts = list[InputText | InputImage | InputFile | OutputText | Refusal]
Outputs = str | list[InputText | InputImage | InputFile]


class Item(Struct, forbid_unknown_fields=True, tag_field="type", kw_only=True):
    id: str | None = None
    status: Literal["completed", "incomplete", "in_progress"] | None = None


class Message(Item, tag="message"):
    role: Literal["user", "system", "developer", "assistant"]
    content: str | Parts
    phase: str | None = None


class Reasoning(Item, tag="reasoning"):
    summary: list[Summary]
    content: list[ReasoningText] | None = None
    encrypted_content: str | None = None


class FunctionCall(Item, tag="function_call"):
    call_id: CallId
    name: Name
    arguments: str
    namespace: str | None = None


class FunctionCallOutput(Item, tag="function_call_output"):
    call_id: CallId
    output: Outputs


class CustomCall(Item, tag="custom_tool_call"):
    call_id: CallId
    name: Name
    input: str
    namespace: str | None = None


class CustomCallOutput(Item, tag="custom_tool_call_output"):
    call_id: CallId
    output: Outputs
    name: str | None = None


class AdditionalTools(Item, tag="additional_tools"):
    tools: list[dict[str, Any]]
    role: Literal["developer"] = "developer"


Items = list[Message | Reasoning | FunctionCall | FunctionCallOutput | CustomCall | CustomCallOutput | AdditionalTools]


class Thinking(Struct, forbid_unknown_fields=True):
    effort: Literal["none", "minimal", "low", "medium", "high", "xhigh", "max"] | None = None
    summary: Literal["auto", "concise", "detailed"] | None = None
    context: str | None = None


class Format(Struct, forbid_unknown_fields=True):
    type: Literal["text", "json_object", "json_schema"] = "text"
    name: Name | None = None
    schema: dict[str, Any] | None = None
    strict: bool | None = None
    description: str | None = None


class TextSettings(Struct, forbid_unknown_fields=True):
    format: Format = field(default_factory=Format)
    verbosity: Literal["low", "medium", "high"] | None = None


class StreamOptions(Struct, forbid_unknown_fields=True):
    include_obfuscation: bool | None = None


class Function(Struct, forbid_unknown_fields=True):
    type: Literal["function"]
    name: Name
    parameters: dict[str, Any] | None = None
    description: str | None = None
    strict: bool | None = None


class Request(Struct, forbid_unknown_fields=True):
    model: str
    input: str | Items
    instructions: str | None = None
    tools: list[dict[str, Any]] | None = None
    tool_choice: str | dict[str, Any] | None = None
    parallel_tool_calls: bool | None = None
    max_output_tokens: Annotated[int, Meta(ge=16)] | None = None
    max_tool_calls: int | None = None
    reasoning: Thinking | None = None
    text: TextSettings | None = None
    store: bool | None = None
    include: list[str] | None = None
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    temperature: Annotated[float, Meta(ge=0, le=2)] | None = None
    top_p: Annotated[float, Meta(ge=0, le=1)] | None = None
    top_logprobs: Annotated[int, Meta(ge=0, le=20)] | None = None
    truncation: Literal["auto", "disabled"] | None = None
    metadata: dict[str, str] | None = None
    previous_response_id: str | None = None
    prompt_cache_key: str | None = None
    prompt_cache_retention: str | None = None
    service_tier: str | None = None
    safety_identifier: str | None = None
    user: str | None = None
    client_metadata: dict[str, str] | None = None


def check(body: Any) -> None:
    """Raises RefusedError."""
    given = body.get("input")
    items = [{"type": "message", **item} for item in given] if isinstance(given, list) else given
    if unknown := sorted(body.keys() - set(Request.__struct_fields__)):
        raise RefusedError(f"Unknown parameter: '{unknown[0]}'.")
    asked = fits({**body, "input": items}, Request)
    if asked.previous_response_id:
        raise RefusedError(f"Previous response with id '{asked.previous_response_id}' not found.")
    if REASONS.match(asked.model):
        for name in ("temperature", "top_p"):
            if getattr(asked, name) is not None and not (asked.reasoning and asked.reasoning.effort == "none"):
                raise RefusedError(f"Unsupported parameter: '{name}' is not supported with this model.")
    for tool in asked.tools or ():
        _check_tool(tool)
    _check_choice(asked)
    if (
        asked.text
        and asked.text.format.type == "json_schema"
        and not (asked.text.format.name and asked.text.format.schema)
    ):
        raise RefusedError("Missing required parameter: 'text.format.name'.")
    if not isinstance(asked.input, str):
        _check_items(asked.input)


def _check_tool(tool: dict[str, Any]) -> None:
    if tool.get("type") == "function":
        function = fits(tool, Function)
        if function.strict and (function.parameters or {}).get("additionalProperties") is not False:
            raise RefusedError(
                f"Invalid schema for function '{function.name}': In context=(), 'additionalProperties' is required to be "
                "supplied and to be false."
            )
    elif "type" not in tool:
        raise RefusedError("Missing required parameter: 'tools[0].type'.")
    elif "function" in tool:
        raise RefusedError("Unknown parameter: 'tools[0].function'.")


def _check_choice(asked: Request) -> None:
    choice = asked.tool_choice
    if isinstance(choice, str) and choice not in ("none", "auto", "required"):
        raise RefusedError("Invalid value for 'tool_choice'.")
    if isinstance(choice, dict):
        if choice.keys() - {"type", "name", "mode", "tools", "server_label"}:
            raise RefusedError("Unknown parameter: 'tool_choice.function'.")
        if choice.get("type") == "function" and choice.get("name") not in [t.get("name") for t in asked.tools or ()]:
            raise RefusedError(f"Tool choice 'function' not found in 'tools' parameter: {choice.get('name')}")


def _check_items(items: Items) -> None:
    calls = {i.call_id: at for at, i in enumerate(items) if isinstance(i, FunctionCall | CustomCall)}
    answers = {i.call_id: at for at, i in enumerate(items) if isinstance(i, FunctionCallOutput | CustomCallOutput)}
    if len(calls) < sum(isinstance(i, FunctionCall | CustomCall) for i in items):
        raise RefusedError("Duplicate item found with a call_id that is already used.")
    for call, at in answers.items():
        if calls.get(call, at) >= at:
            raise RefusedError(f"No tool call found for function call output with call_id {call}.")
    for call in calls.keys() - answers.keys():
        raise RefusedError(f"No tool output found for function call {call}.")
    for at, item in enumerate(items):
        _check_item(item, at, items[at + 1] if at + 1 < len(items) else None)


_PREFIXES = {Message: "msg", Reasoning: "rs", FunctionCall: "fc", CustomCall: "ctc"}


def _check_item(item: Any, at: int, after: Any) -> None:
    prefix = _PREFIXES.get(type(item), "")
    if item.id and not item.id.startswith(prefix):
        raise RefusedError(f"Invalid 'input[{at}].id': '{item.id}'. Expected an ID that begins with '{prefix}'.")
    if isinstance(item, Message) and not isinstance(item.content, str):
        own = (OutputText, Refusal) if item.role == "assistant" else (InputText, InputImage, InputFile)
        kinds = (
            "'output_text' and 'refusal'"
            if item.role == "assistant"
            else "'input_text', 'input_image' and 'input_file'"
        )
        if not all(isinstance(part, own) for part in item.content):
            raise RefusedError(f"Invalid value at 'input[{at}].content'. Supported values are: {kinds}.")
    if isinstance(item, Reasoning):
        if item.encrypted_content is None:
            raise RefusedError(
                f"Item with id '{item.id}' not found. Items are not persisted when `store` is set to false."
            )
        if item.encrypted_content != sealed(item.id or ""):
            raise RefusedError("The encrypted content could not be verified.")
        if (
            after is None
            or isinstance(after, FunctionCallOutput | CustomCallOutput)
            or getattr(after, "role", "") == "user"
        ):
            raise RefusedError(
                f"Item '{item.id}' of type 'reasoning' was provided without its required following item."
            )


def sealed(item: str) -> str:
    """The encrypted content of the reasoning item with this id."""
    return f"gAAAAA{signature(item)}"
