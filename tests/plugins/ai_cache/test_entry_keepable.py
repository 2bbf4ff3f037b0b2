"""Which complete answers are kept: those that a client can use as they are, and nothing of which was cut away."""

from __future__ import annotations

import json
from typing import Any

import pytest
from ai_cache_world import CONFIG, HEAD, asking, completion, delta, how, stage
from fakes import Answer, answer_json, events
from world import world

from aigw.core.stores import Service

CHAT, MESSAGES, RESPONSES = "/v1/chat/completions", "/v1/messages", "/v1/responses"
EMBEDDINGS, GEMINI = "/v1/embeddings", "/v1beta/models/gemini-2.5-pro:generateContent"
WHOLE, CUT = '{"city":"Oslo"}', '{"city":"Os'


def events_of(*bodies: Any) -> Answer:
    """Events as the Messages and the Responses API write them."""
    pieces = [f"event: {body['type']}\ndata: {json.dumps(body)}\n\n".encode() for body in bodies]
    return Answer(headers={"content-type": "text/event-stream"}, pieces=pieces)


def chat(finish: str, **message: Any) -> Answer:
    return answer_json(
        completion(choices=[{"index": 0, "message": {"content": "a", **message}, "finish_reason": finish}])
    )


def called(arguments: str) -> dict[str, Any]:
    return {"id": "1", "type": "function", "function": {"name": "f", "arguments": arguments}}


def tools(*calls: Any, finish: str = "tool_calls") -> Answer:
    return chat(finish, content=None, tool_calls=list(calls))


def streamed_tools(*arguments: str) -> Answer:
    begun = [delta(tool_calls=[{"index": n, **called("")}]) for n in range(len(arguments))]
    pieces = [delta(tool_calls=[{"index": n, "function": {"arguments": each}}]) for n, each in enumerate(arguments)]
    return events(*begun, *pieces, delta("tool_calls"))


def custom(text: str) -> dict[str, Any]:
    return {"id": "1", "type": "custom", "custom": {"name": "f", "input": text}}


def message(stop: str, *blocks: Any) -> Answer:
    return answer_json({"type": "message", "role": "assistant", "content": list(blocks), "stop_reason": stop})


def message_stream(stop: str, *pieces: str, **block: Any) -> Answer:
    kind = "input_json_delta" if block.get("type") == "tool_use" else "text_delta"
    name = "partial_json" if block.get("type") == "tool_use" else "text"
    return events_of(
        {"type": "message_start", "message": {"role": "assistant", "content": [], "usage": {"input_tokens": 1}}},
        {"type": "content_block_start", "index": 0, "content_block": block},
        *[{"type": "content_block_delta", "index": 0, "delta": {"type": kind, name: piece}} for piece in pieces],
        {"type": "content_block_stop", "index": 0},
        {"type": "message_delta", "delta": {"stop_reason": stop}, "usage": {"output_tokens": 1}},
        {"type": "message_stop"},
    )


TOOL_USE = {"type": "tool_use", "id": "t", "name": "f", "input": {}}
TEXT = {"type": "text", "text": "a"}
SAID = {"type": "message", "status": "completed", "content": [{"type": "output_text", "text": "a"}]}


def response(status: str, *items: Any, **more: Any) -> Answer:
    return answer_json({"object": "response", "status": status, "output": list(items), **more})


def response_stream(status: str, *items: Any, **more: Any) -> Answer:
    done = [
        {"type": "response.output_item.done", "output_index": n, "item": {"id": str(n), **item}}
        for n, item in enumerate(items)
    ]
    last = {"status": status, "output": [{"id": str(n), **item} for n, item in enumerate(items)], **more}
    return events_of({"type": "response.created"}, *done, {"type": f"response.{status}", "response": last})


def function(arguments: str) -> dict[str, Any]:
    return {"type": "function_call", "name": "f", "call_id": "c", "arguments": arguments}


CUSTOM_ITEM = {"type": "custom_tool_call", "name": "f", "call_id": "c", "input": "*** Begin Patch"}
STOPPED = {"incomplete_details": {"reason": "max_output_tokens"}}


def candidate(reason: str, *parts: Any) -> Answer:
    return answer_json({"candidates": [{"content": {"parts": list(parts) or [{"text": "a"}]}, "finishReason": reason}]})


def vectors(*rows: str) -> Answer:
    data = ",".join(f'{{"object":"embedding","index":{index},"embedding":{row}}}' for index, row in enumerate(rows))
    return Answer(
        headers={"content-type": "application/json"}, pieces=[b'{"object":"list","data":[%b]}' % data.encode()]
    )


ASKED: dict[str, dict[str, Any]] = {
    CHAT: asking(),
    MESSAGES: {**asking(), "max_tokens": 9},
    RESPONSES: {"model": "m", "input": "q", "store": False},
    GEMINI: {"contents": [{"role": "user", "parts": [{"text": "q"}]}]},
    EMBEDDINGS: {"model": "m", "input": ["a", "b"]},
}
NOT_KEPT = {
    "chat, length": (CHAT, chat("length")),
    "chat, filtered": (CHAT, chat("content_filter")),
    "chat stream, length": (CHAT, events(delta(content="a"), delta("length"))),
    "completions, length": (
        "/v1/completions", answer_json({**HEAD, "choices": [{"index": 0, "text": "a", "finish_reason": "length"}]}),
    ),
    "Messages, max_tokens": (MESSAGES, message("max_tokens", TEXT)),
    "Messages, context": (MESSAGES, message("model_context_window_exceeded", TEXT)),
    "Messages, refusal": (MESSAGES, message("refusal", TEXT)),
    "Messages stream, max_tokens": (MESSAGES, message_stream("max_tokens", "a", **TEXT)),
    "Responses, incomplete": (RESPONSES, response("incomplete", SAID, **STOPPED)),
    "Responses stream, incomplete": (RESPONSES, response_stream("incomplete", SAID, **STOPPED)),
    "Responses, an item": (RESPONSES, response("completed", {**SAID, "status": "incomplete"})),
    "Gemini, MAX_TOKENS": (GEMINI, candidate("MAX_TOKENS")),
    "Gemini, SAFETY": (GEMINI, candidate("SAFETY")),
    "chat, call cut": (CHAT, tools(called(CUT))),
    "chat, call empty": (CHAT, tools(called(""))),
    "chat, forced call cut": (CHAT, tools(called(CUT), finish="stop")),
    "chat, second call cut": (CHAT, tools(called(WHOLE), called(CUT))),
    "chat, old call cut": (CHAT, chat("function_call", function_call={"name": "f", "arguments": CUT})),
    "chat stream, call cut": (CHAT, streamed_tools(CUT)),
    "chat stream, first call cut": (CHAT, streamed_tools(CUT, WHOLE)),
    "Messages stream, call cut": (MESSAGES, message_stream("tool_use", '{"city":', '"Os', **TOOL_USE)),
    "Responses, call cut": (RESPONSES, response("completed", function(CUT))),
    "Responses stream, call cut": (RESPONSES, response_stream("completed", SAID, function(CUT))),
    "embeddings, NaN": (EMBEDDINGS, vectors("[0.1,NaN]", "[0.1,0.2]")),
    "embeddings, Infinity": (EMBEDDINGS, vectors("[0.1,0.2]", "[-Infinity,0.2]")),
    "embeddings, too large": (EMBEDDINGS, vectors("[0.1,0.2]", "[1e999,0.2]")),
    "embeddings, null": (EMBEDDINGS, vectors("[0.1,null]", "[0.1,0.2]")),
    "embeddings, a null": (EMBEDDINGS, vectors("[0.1,0.2]", "null")),
    "embeddings, empty": (EMBEDDINGS, vectors("[0.1,0.2]", "[]")),
    "embeddings, one of two": (EMBEDDINGS, vectors("[0.1,0.2]")),
    "embeddings, three of two": (EMBEDDINGS, vectors("[0.1]", "[0.2]", "[0.3]")),
    "embeddings, of two lengths": (EMBEDDINGS, vectors("[0.1,0.2]", "[0.1]")),
    "embeddings, one twice": (
        EMBEDDINGS, answer_json({"data": [{"index": 0, "embedding": [0.1]}, {"index": 0, "embedding": [0.2]}]}),
    ),
    "embeddings, base64 of NaN": (EMBEDDINGS, vectors('"AADAfwAAgD8="', '"AACAPwAAgD8="')),
    "embeddings, no base64": (EMBEDDINGS, vectors('"AACAPwAAgD8="', '"AACA!"')),
    "embeddings, base64 cut": (EMBEDDINGS, vectors('"AACAPwAAgD8="', '"AACAPwA="')),
    "embeddings, empty base64": (EMBEDDINGS, vectors('"AACAPw=="', '""')),
}  # fmt: skip
KEPT = {
    "chat": (CHAT, chat("stop")),
    "chat, calls": (CHAT, tools(called(WHOLE), called("{}"))),
    "chat, custom call": (CHAT, tools(custom("print(1"))),
    "chat stream, calls": (CHAT, streamed_tools(WHOLE, WHOLE)),
    "Messages, call": (MESSAGES, message("tool_use", TOOL_USE)),
    "Messages stream, call": (MESSAGES, message_stream("tool_use", '{"city":', '"Oslo"}', **TOOL_USE)),
    "Messages stream, call without arguments": (MESSAGES, message_stream("tool_use", **TOOL_USE)),
    "Responses, calls": (RESPONSES, response("completed", SAID, function(WHOLE), CUSTOM_ITEM)),
    "Responses stream, calls": (RESPONSES, response_stream("completed", SAID, function(WHOLE), CUSTOM_ITEM)),
    "Gemini": (GEMINI, candidate("STOP")),
    "Gemini, call": (GEMINI, candidate("STOP", {"functionCall": {"name": "f", "args": {"city": "Oslo"}}})),
    "embeddings": (EMBEDDINGS, vectors("[0.1,2]", "[0.3,0.4]")),
    "embeddings in base64": (EMBEDDINGS, vectors('"AACAPwAAgD8="', '"AACAPwAAgD8="')),
}


def asked_of(path: str, answer: Answer) -> dict[str, Any]:
    body = ASKED.get(path, {"model": "m", "prompt": "q"})
    return {**body, "stream": True} if answer.headers.get("content-type") == "text/event-stream" else body


@pytest.mark.parametrize(("path", "answer"), NOT_KEPT.values(), ids=NOT_KEPT)
async def test_what_a_client_could_not_use_is_not_kept(path: str, answer: Answer) -> None:
    async with stage(answer) as it:
        first = await it.ask(asked_of(path, answer), path=path)
        assert [*await it.kept()] == []
        second = await it.ask(asked_of(path, answer), path=path)
    assert (first.status, how(second), second.body) == (200, "miss", first.body)


@pytest.mark.parametrize(("path", "answer"), KEPT.values(), ids=KEPT)
async def test_what_a_client_can_use_is_kept(path: str, answer: Answer) -> None:
    async with stage(answer) as it:
        asked = asked_of(path, answer)
        assert [how(await it.ask(asked, path=path)) for _ in range(2)] == ["miss", "hit"]


COUNTED = {
    "a text": ("a", 1), "texts": (["a", "b"], 2), "tokens": ([1, 2, 3], 1), "lists of tokens": ([[1, 2], [3]], 2),
}  # fmt: skip


@pytest.mark.parametrize(("given", "count"), COUNTED.values(), ids=COUNTED)
async def test_each_input_has_its_vector(given: Any, count: int) -> None:
    asked = {"model": "m", "input": given}
    async with stage(vectors(*["[0.1]"] * count)) as it:
        assert [how(await it.ask(asked, path=EMBEDDINGS)) for _ in range(2)] == ["miss", "hit"]


async def test_a_cut_one_of_several_answers() -> None:
    both = [
        {"index": n, "message": {"content": "a"}, "finish_reason": reason}
        for n, reason in enumerate(("length", "stop"))
    ]
    async with stage(answer_json(completion(choices=both))) as it:
        assert [how(await it.ask(asking(n=2, temperature=0))) for _ in range(2)] == ["miss", "miss"]


NATIVE = {
    "embeddings": (EMBEDDINGS, {"embeddings": [{"text_index": n, "embedding": [0.1]} for n in range(2)]}, "hit"),
    "embeddings, one of two": (EMBEDDINGS, {"embeddings": [{"text_index": 0, "embedding": [0.1]}]}, "miss"),
    "chat": (CHAT, {"choices": [{"message": {"content": "a"}, "finish_reason": "stop"}]}, "hit"),
    "chat, length": (CHAT, {"choices": [{"message": {"content": "a"}, "finish_reason": "length"}]}, "miss"),
    "chat, call cut": (
        CHAT, {"choices": [{"message": {"tool_calls": [called(CUT)]}, "finish_reason": "tool_calls"}]}, "miss",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("path", "output", "then"), NATIVE.values(), ids=NATIVE)
async def test_what_was_made_of_another_format(path: str, output: Any, then: str) -> None:
    provider = {"type": "qwen", "apiTokens": ["sk-1234567890"], "qwenEnableCompatible": False}
    plugins = {"ai-cache": CONFIG, "ai-proxy": {"provider": provider}}
    answer = answer_json({"output": output, "usage": {"total_tokens": 2}})
    async with world(plugins, answer, service=Service("redis.static", 80)) as it:
        assert [how(await it.ask(ASKED[path], path=path)) for _ in range(2)] == ["miss", then]
