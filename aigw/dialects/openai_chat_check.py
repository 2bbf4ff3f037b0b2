"""Checks requests as OpenAI's APIs do, and reports errors in the same way, with the place of the mistake as `param`.

Only requests that aigw itself answers are checked. Providers check all others."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

import msgspec

from aigw.core.errors import GatewayError
from aigw.dialects import apis

_PLACE = re.compile(r" - at `\$\.?(.*)`$")
_MISSING = re.compile(r"missing required field `(.*?)`")

Positive = Annotated[int, msgspec.Meta(ge=1)]
Several = Annotated[int, msgspec.Meta(ge=1, le=128)]


class _StreamOptions(msgspec.Struct):
    include_usage: bool | None = None


class _Function(msgspec.Struct):
    name: str
    parameters: Any = None


class _Tool(msgspec.Struct):
    function: _Function | None = None


class _Chat(msgspec.Struct):
    model: str
    messages: Annotated[list[dict[str, Any]], msgspec.Meta(min_length=1)]
    stream: bool | None = None
    stream_options: _StreamOptions | None = None
    n: Several | None = None
    max_tokens: Positive | None = None
    max_completion_tokens: Positive | None = None
    tools: list[_Tool] | None = None
    tool_choice: Any = None


class _Completion(msgspec.Struct):
    model: str
    prompt: str | Annotated[list[str], msgspec.Meta(min_length=1, max_length=128)]
    stream: bool | None = None
    stream_options: _StreamOptions | None = None
    n: Several | None = None
    max_tokens: Positive | None = None


class _Embedding(msgspec.Struct):
    model: str
    input: str | Annotated[list[str | int | list[int]], msgspec.Meta(min_length=1, max_length=2048)]
    encoding_format: Literal["float", "base64"] | None = None
    dimensions: Annotated[int, msgspec.Meta(ge=1, le=4096)] | None = None


_SHAPES: dict[str, type[Any]] = {apis.CHAT: _Chat, apis.COMPLETIONS: _Completion, apis.EMBEDDINGS: _Embedding}


def check(api: str, body: bytes) -> None:
    """Raises GatewayError with status 400, in OpenAI's words, if the body is not valid for the API."""
    try:
        request = msgspec.json.decode(body, type=_SHAPES[api])
    except msgspec.ValidationError as error:
        raise _invalid(str(error)) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise GatewayError(400, f"We could not parse the JSON body of your request: {error}.") from None
    if isinstance(request, _Chat):
        _check_roles(request.messages)
        _check_choice(request)


def _check_roles(messages: list[dict[str, Any]]) -> None:
    for index, message in enumerate(messages):
        if not isinstance(message.get("role"), str):
            place = f"messages[{index}].role"
            text = f"Missing required parameter: '{place}'."
            raise GatewayError(400, text, code="missing_required_parameter", param=place)


def _check_choice(request: _Chat) -> None:
    choice = request.tool_choice
    if not isinstance(choice, dict) or choice.get("type") != "function":
        return
    name = choice["function"].get("name") if isinstance(choice.get("function"), dict) else None
    if not any(tool.function is not None and tool.function.name == name for tool in request.tools or ()):
        message = f"Invalid value for 'tool_choice': there is no function '{name}' in 'tools'."
        raise GatewayError(400, message, code="invalid_value", param="tool_choice")


def _invalid(finding: str) -> GatewayError:
    place = _PLACE.search(finding)
    param = place[1] if place else ""
    missing = _MISSING.search(finding)
    if missing:
        param = f"{param}.{missing[1]}".lstrip(".")
        message = f"Missing required parameter: '{param}'."
        return GatewayError(400, message, code="missing_required_parameter", param=param)
    what = _PLACE.sub("", finding).replace("`", "")
    message = f"Invalid value for '{param}': {what}." if param else f"Invalid request body: {what}."
    return GatewayError(400, message, code="invalid_value", param=param or None)
