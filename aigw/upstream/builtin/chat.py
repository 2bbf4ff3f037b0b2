"""POST /v1/chat/completions of the built-in models."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

import msgspec

from aigw.core.errors import GatewayError
from aigw.core.model import Timeouts
from aigw.upstream.builtin.engine import Engine, known_model, read, usage
from aigw.upstream.builtin.generation import Answer, StreamOptions, cut, respond, respond_streaming
from aigw.upstream.builtin.text import example_json, lorem, pieces
from aigw.upstream.local import LocalResponse

Positive = Annotated[int, msgspec.Meta(ge=1)]
Several = Annotated[int, msgspec.Meta(ge=1, le=128)]


class Function(msgspec.Struct):
    name: str
    parameters: Any = None


class Tool(msgspec.Struct):
    function: Function | None = None


class ChatRequest(msgspec.Struct):
    model: str
    messages: Annotated[list[dict[str, Any]], msgspec.Meta(min_length=1)]
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    n: Several | None = None
    max_tokens: Positive | None = None
    max_completion_tokens: Positive | None = None
    tools: list[Tool] | None = None
    tool_choice: Any = None


async def chat_completions(engine: Engine, body: bytes, timeouts: Timeouts) -> LocalResponse:
    request = read(body, ChatRequest)
    known_model(request.model)
    _check_roles(request.messages)
    function = _wanted_function(request) if request.model == "mock" else None
    answers = await _answers(engine, request, function)
    delivery = engine.delivery(request.model, max(len(answer.pieces) for answer in answers), timeouts)

    async def tokens() -> dict[str, Any]:
        counter, model = engine.counter, request.model
        texts = [answer.text for answer in answers]
        produced = len(texts) * (await engine.tally(0, counter.count, function.name, model) if function else 0)
        for text in texts:
            produced += await engine.tally(len(text), counter.count, text, model)
        prompt = await engine.tally(len(body), counter.count_chat, request.messages, model)
        return usage(prompt, produced)

    wire = _ToolCall(function.name, engine.new_id) if function else _Text()
    if request.stream:
        asked = bool(request.stream_options and request.stream_options.include_usage)
        envelope = engine.envelope("chatcmpl-", "chat.completion.chunk", request.model)
        return await respond_streaming(engine, delivery, envelope, wire, answers, tokens if asked else None)
    envelope = engine.envelope("chatcmpl-", "chat.completion", request.model)
    return await respond(engine, delivery, envelope, wire, answers, tokens)


async def _answers(engine: Engine, request: ChatRequest, function: Function | None) -> list[Answer]:
    limit = request.max_completion_tokens or request.max_tokens
    count = request.n or 1
    if function is not None:
        arguments = example_json(function.parameters)
        return [await cut(engine, arguments, pieces, limit, request.model)] * count
    if request.model == "echo":
        return [await cut(engine, _last_user_text(request.messages), pieces, limit, request.model)] * count
    tokens = min(engine.settings.tokens, limit or engine.settings.tokens)
    finish = "length" if tokens < engine.settings.tokens else "stop"
    return [Answer(lorem(tokens, index), finish) for index in range(count)]


def _check_roles(messages: list[dict[str, Any]]) -> None:
    for index, message in enumerate(messages):
        if not isinstance(message.get("role"), str):
            place = f"messages[{index}].role"
            text = f"Missing required parameter: '{place}'."
            raise GatewayError(400, text, code="missing_required_parameter", param=place)


def _last_user_text(messages: list[dict[str, Any]]) -> str:
    for message in reversed(messages):
        if message.get("role") == "user":
            return _text_of(message.get("content"))
    return ""


def _text_of(content: Any) -> str:
    if isinstance(content, str):
        return content
    parts = content if isinstance(content, list) else []
    texts = [part.get("text") for part in parts if isinstance(part, dict)]
    return "".join(text for text in texts if isinstance(text, str))


def _wanted_function(request: ChatRequest) -> Function | None:
    """The function that `tool_choice` demands, None if it leaves the model the choice: then it answers with text."""
    functions = [tool.function for tool in request.tools or [] if tool.function]
    choice = request.tool_choice
    if choice == "required" and functions:
        return functions[0]
    if not isinstance(choice, dict) or choice.get("type") != "function":
        return None
    name = choice["function"].get("name") if isinstance(choice.get("function"), dict) else None
    for function in functions:
        if function.name == name:
            return function
    message = f"Invalid value for 'tool_choice': there is no function '{name}' in 'tools'."
    raise GatewayError(400, message, code="invalid_value", param="tool_choice")


def _choice(index: int, finish: str | None, **what: Any) -> dict[str, Any]:
    return {"index": index, **what, "logprobs": None, "finish_reason": finish}


class _Text:
    """An answer that is text. See `generation.Wire`."""

    def whole(self, index: int, answer: Answer) -> dict[str, Any]:
        message = {"role": "assistant", "content": answer.text, "refusal": None}
        return _choice(index, answer.finish, message=message)

    def opening(self, index: int) -> dict[str, Any]:
        return _choice(index, None, delta={"role": "assistant", "content": "", "refusal": None})

    def piece(self, index: int, text: str) -> dict[str, Any]:
        return _choice(index, None, delta={"content": text})

    def closing(self, index: int, answer: Answer) -> dict[str, Any]:
        return _choice(index, answer.finish, delta={})


class _ToolCall:
    """An answer that is one call of a function; its text is the arguments. See `generation.Wire`."""

    def __init__(self, name: str, new_id: Callable[[], str]) -> None:
        self._name = name
        self._new_id = new_id

    def _call(self, arguments: str) -> dict[str, Any]:
        function = {"name": self._name, "arguments": arguments}
        return {"id": "call_" + self._new_id(), "type": "function", "function": function}

    def whole(self, index: int, answer: Answer) -> dict[str, Any]:
        calls = [self._call(answer.text)]
        message = {"role": "assistant", "content": None, "refusal": None, "tool_calls": calls}
        return _choice(index, _finish(answer), message=message)

    def opening(self, index: int) -> dict[str, Any]:
        delta = {"role": "assistant", "content": None, "refusal": None, "tool_calls": [{"index": 0, **self._call("")}]}
        return _choice(index, None, delta=delta)

    def piece(self, index: int, text: str) -> dict[str, Any]:
        return _choice(index, None, delta={"tool_calls": [{"index": 0, "function": {"arguments": text}}]})

    def closing(self, index: int, answer: Answer) -> dict[str, Any]:
        return _choice(index, _finish(answer), delta={})


def _finish(answer: Answer) -> str:
    return "tool_calls" if answer.finish == "stop" else answer.finish
