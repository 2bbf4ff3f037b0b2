"""What Gemini's generateContent refuses, in its words. Names are valid in camel case and in snake case."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct
from stage.vendors.signatures import signature
from stage.vendors.vendor import RefusedError, fits

NO_SIGNATURE = ("skip_thought_signature_validator", "context_engineering_is_the_way_to_go")
"""Stand in the place of a signature for calls that Gemini did not make."""
_FREE = {"args", "response", "properties", "parametersJsonSchema", "responseJsonSchema", "labels", "default", "example"}
"""Fields in which names are the user's."""
_SCHEMA = {
    "type", "format", "title", "description", "nullable", "enum", "items", "minItems", "maxItems", "properties",
    "required", "minProperties", "maxProperties", "minLength", "maxLength", "pattern", "minimum", "maximum", "anyOf",
    "default", "example", "propertyOrdering",
}  # fmt: skip


def camel(value: Any) -> Any:
    """A message with all of its names in camel case."""
    if isinstance(value, list):
        return [camel(item) for item in value]
    if not isinstance(value, dict):
        return value
    result = {}
    for name, item in value.items():
        name = re.sub(r"_([a-z])", lambda found: found[1].upper(), name)
        if name == "properties" and isinstance(item, dict):
            result[name] = {key: camel(schema) for key, schema in item.items()}
        else:
            result[name] = item if name in _FREE else camel(item)
    return result


class Proto(Struct, forbid_unknown_fields=True, rename="camel"):
    pass


class Blob(Proto):
    mime_type: Annotated[str, Meta(pattern="^[a-z]+/[a-zA-Z0-9.+-]+")]
    data: str
    display_name: str | None = None


class File(Proto):
    file_uri: str
    mime_type: str | None = None


class FunctionCall(Proto):
    name: str
    args: dict[str, Any] | None = None
    id: str | None = None


class FunctionResponse(Proto):
    name: str
    response: dict[str, Any]
    id: str | None = None
    parts: list[Any] | None = None


class Part(Proto):
    text: str | None = None
    inline_data: Blob | None = None
    file_data: File | None = None
    function_call: FunctionCall | None = None
    function_response: FunctionResponse | None = None
    executable_code: dict[str, Any] | None = None
    code_execution_result: dict[str, Any] | None = None
    thought: bool | None = None
    thought_signature: str | None = None


class Content(Proto):
    parts: list[Part]
    role: Literal["user", "model", "function"] = "user"


class System(Proto):
    parts: list[Part]
    role: str = ""


class Declaration(Proto):
    name: Annotated[str, Meta(pattern=r"^[a-zA-Z_][a-zA-Z0-9_.:-]{0,63}$")]
    description: str = ""
    parameters: dict[str, Any] | None = None
    parameters_json_schema: dict[str, Any] | None = None
    response: dict[str, Any] | None = None
    response_json_schema: dict[str, Any] | None = None
    behavior: str | None = None


class Tool(Proto):
    function_declarations: list[Declaration] | None = None
    google_search: dict[str, Any] | None = None
    code_execution: dict[str, Any] | None = None
    url_context: dict[str, Any] | None = None


class Calling(Proto):
    mode: str = "AUTO"
    allowed_function_names: list[str] | None = None


class ToolConfig(Proto):
    function_calling_config: Calling | None = None


class Thinking(Proto):
    include_thoughts: bool | None = None
    thinking_budget: Annotated[int, Meta(ge=-1, le=32768)] | None = None
    thinking_level: str | None = None


class Generation(Proto):
    temperature: Annotated[float, Meta(ge=0, le=2)] | None = None
    top_p: Annotated[float, Meta(ge=0, le=1)] | None = None
    top_k: float | None = None
    max_output_tokens: Annotated[int, Meta(ge=1)] | None = None
    stop_sequences: Annotated[list[str], Meta(max_length=5)] | None = None
    candidate_count: Annotated[int, Meta(ge=1, le=8)] | None = None
    seed: int | None = None
    presence_penalty: float | None = None
    frequency_penalty: float | None = None
    response_mime_type: Literal["text/plain", "application/json", "text/x.enum"] | None = None
    response_schema: dict[str, Any] | None = None
    response_json_schema: dict[str, Any] | None = None
    response_modalities: list[str] | None = None
    response_logprobs: bool | None = None
    logprobs: int | None = None
    thinking_config: Thinking | None = None


class Safety(Proto):
    category: str
    threshold: str


class Request(Proto):
    contents: Annotated[list[Content], Meta(min_length=1)]
    system_instruction: System | None = None
    tools: list[Tool] | None = None
    tool_config: ToolConfig | None = None
    safety_settings: list[Safety] | None = None
    generation_config: Generation | None = None
    cached_content: str | None = None
    labels: dict[str, str] | None = None


def check(body: Any, *, signs: bool) -> None:
    """Raises RefusedError. `signs`: the model wants the signatures of its calls back, as Gemini 3 does."""
    asked = fits(camel(body), Request)
    for at, content in enumerate(asked.contents):
        _check_parts(content.parts, f"contents[{at}]")
    if asked.system_instruction:
        _check_parts(asked.system_instruction.parts, "system_instruction")
    _check_turns(asked.contents)
    if signs:
        _check_signatures(asked.contents)
    for number, tool in enumerate(asked.tools or ()):
        _check_tool(tool, f"tools[{number}]")
    _check_generation(asked)


def _check_parts(parts: list[Part], place: str) -> None:
    if not parts:
        raise RefusedError(f"* GenerateContentRequest.{place}.parts: contents.parts must not be empty.")
    for number, part in enumerate(parts):
        where = f"* GenerateContentRequest.{place}.parts[{number}].data:"
        given = [part.inline_data, part.file_data, part.function_call, part.function_response, part.executable_code]
        count = sum(value is not None for value in (*given, part.code_execution_result)) + bool(part.text)
        if not count and not part.thought_signature:
            raise RefusedError(f"{where} required oneof field 'data' must have one initialized field")
        if count > 1:
            raise RefusedError(f"{where} oneof field 'data' is already set.")
        if part.inline_data:
            _check_base64(part.inline_data.data, place)


def _check_base64(text: str, place: str) -> None:
    standard = text.replace("-", "+").replace("_", "/")
    try:
        base64.b64decode(standard + "=" * (-len(standard) % 4), validate=True)
    except ValueError:
        raise RefusedError(
            f"Invalid value at '{place}.parts.inline_data.data' (TYPE_BYTES), Base64 decoding failed"
        ) from None


def _check_turns(contents: list[Content]) -> None:
    before: list[str] = []
    for at, content in enumerate(contents):
        calls = [part.function_call.name for part in content.parts if part.function_call]
        results = [part.function_response.name for part in content.parts if part.function_response]
        if (calls and content.role != "model") or (results and content.role == "model"):
            raise RefusedError(
                "Please ensure that function call turns are the model's, and function response turns not."
            )
        if calls and (at == 0 or contents[at - 1].role == "model"):
            raise RefusedError(
                "Please ensure that function call turn comes immediately after a user turn or after a function response turn."
            )
        if len(results) != len(before):
            raise RefusedError(
                "Please ensure that the number of function response parts is equal to the number of function call parts "
                "of the function call turn."
            )
        if sorted(results) != sorted(before):
            raise RefusedError("Please ensure that function response names are those of the function call turn.")
        before = calls
    if before:
        raise RefusedError("Please ensure that function response turn comes immediately after a function call turn.")


def _check_signatures(contents: list[Content]) -> None:
    """Of the first call of each step since the user last spoke."""
    spoken = [
        at for at, c in enumerate(contents) if c.role != "model" and not any(p.function_response for p in c.parts)
    ]
    for at, content in enumerate(contents[max(spoken, default=0) :]):
        first = next((part for part in content.parts if part.function_call), None)
        if first is None or first.function_call is None:
            continue
        name = first.function_call.name
        if not first.thought_signature:
            raise RefusedError(
                f"Function call is missing a thought_signature in functionCall parts. This is required for tools to work "
                f"correctly. Additional data, function call `default_api:{name}`, position {at}."
            )
        known = [call_signature(name, first.function_call.args or {})]
        known += [form.replace("_", "/") for text in NO_SIGNATURE for form in (text, _encoded(text))]
        if first.thought_signature.replace("-", "+").replace("_", "/") not in known:
            raise RefusedError("Corrupted thought signature.")


def _encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def call_signature(name: str, arguments: Mapping[str, Any]) -> str:
    """What a call is signed with."""
    return signature(f"{name} {json.dumps(arguments, sort_keys=True)}")


def _check_tool(tool: Tool, place: str) -> None:
    names = [declared.name for declared in tool.function_declarations or ()]
    if len(names) != len(set(names)):
        raise RefusedError(f"Duplicate function declaration found: {', '.join(names)}")
    for number, declared in enumerate(tool.function_declarations or ()):
        where = f"{place}.function_declarations[{number}]"
        if declared.parameters is not None and declared.parameters_json_schema is not None:
            raise RefusedError(f"{where}: only one of parameters and parameters_json_schema may be set")
        if declared.parameters is not None:
            check_schema(declared.parameters, f"{where}.parameters")


def check_schema(schema: Any, place: str) -> None:
    """Raises RefusedError for what is not in Gemini's subset of OpenAPI's schemas."""
    for name in schema:
        if name not in _SCHEMA:
            raise RefusedError(
                f"Invalid JSON payload received. Unknown name \"{name}\" at '{place}': Cannot find field."
            )
    kind = str(schema.get("type", "")).upper()
    if isinstance(schema.get("type"), list) or kind not in (
        "",
        "STRING",
        "NUMBER",
        "INTEGER",
        "BOOLEAN",
        "ARRAY",
        "OBJECT",
        "NULL",
    ):
        raise RefusedError(
            f"Invalid value at '{place}.type' (type.googleapis.com/google.ai.generativelanguage.v1beta.Type)"
        )
    if not all(isinstance(value, str) for value in schema.get("enum") or ()):
        raise RefusedError(f"Invalid value at '{place}.enum[0]' (TYPE_STRING)")
    properties = schema.get("properties") or {}
    if kind == "OBJECT" and not properties:
        raise RefusedError(f"* GenerateContentRequest.{place}.properties: should be non-empty for OBJECT type")
    if kind == "ARRAY" and "items" not in schema:
        raise RefusedError(f"* GenerateContentRequest.{place}.items: missing field.")
    if missing := set(schema.get("required") or ()) - properties.keys():
        raise RefusedError(f"* GenerateContentRequest.{place}.required[0]: property is not defined: {missing}")
    for name, inner in properties.items():
        check_schema(inner, f"{place}.properties[{name}]")
    for inner in (*(schema.get("anyOf") or ()), *([schema["items"]] if "items" in schema else [])):
        check_schema(inner, f"{place}.items")


def _check_generation(asked: Request) -> None:
    wanted = asked.generation_config or Generation()
    if (wanted.response_schema or wanted.response_json_schema) and wanted.response_mime_type != "application/json":
        raise RefusedError("response_schema only allowed with application/json mime type")
    if wanted.response_schema:
        check_schema(wanted.response_schema, "generation_config.response_schema")
    thinking = wanted.thinking_config
    if thinking and thinking.thinking_budget is not None and thinking.thinking_level:
        raise RefusedError("You can only set only one of thinking budget and thinking level.")
    calling = asked.tool_config and asked.tool_config.function_calling_config
    if calling and calling.mode.upper() not in ("AUTO", "ANY", "NONE", "VALIDATED"):
        raise RefusedError(f"Invalid value at 'tool_config.function_calling_config.mode': {calling.mode}")
    if calling and calling.allowed_function_names and calling.mode.upper() not in ("ANY", "VALIDATED"):
        raise RefusedError("allowed_function_names should only be set when function calling mode is ANY.")
