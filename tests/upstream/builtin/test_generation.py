"""aigw/upstream/builtin/chat.py and generation.py: chat completions, judged by the types of OpenAI's SDK."""

from __future__ import annotations

import json
from typing import Any

import pytest
from openai.types.chat import ChatCompletion, ChatCompletionChunk

from aigw.core.dialect import Turn

ASKED = {"stream": True, "stream_options": {"include_usage": True}}
WEATHER = {
    "type": "function",
    "function": {
        "name": "weather",
        "parameters": {
            "type": "object",
            "properties": {
                "city": {"type": "string"},
                "days": {"type": "integer", "minimum": 3},
                "odd": {"type": "null"},
            },
            "required": ["city", "days"],
        },
    },
}
TIME = {"type": "function", "function": {"name": "time"}}


def joined(events: list[Any], index: int = 0) -> str:
    choices = [choice for event in events for choice in event["choices"] if choice["index"] == index]
    return "".join(choice["delta"].get("content") or "" for choice in choices)


# echo


async def test_echo_answers_with_the_last_user_message(models) -> None:
    messages = [
        {"role": "system", "content": "be brief"},
        {"role": "user", "content": "first"},
        {"role": "assistant", "content": "answer"},
        {
            "role": "user",
            "content": [{"type": "text", "text": "last "}, {"type": "image_url"}, {"type": "text", "text": "é中"}],
        },
        {"role": "tool", "tool_call_id": "1", "content": "result"},
    ]
    answered = await models().ask("/v1/chat/completions", {"model": "echo", "messages": messages})
    completion = ChatCompletion.model_validate(answered.json)
    assert completion.choices[0].message.content == "last é中"
    assert completion.choices[0].finish_reason == "stop"
    assert (completion.object, completion.model, completion.created) == ("chat.completion", "echo", 1_000_000)
    assert answered.status == 200
    assert answered.headers["content-type"] == "application/json"
    assert answered.headers["x-request-id"].startswith("req_")


async def test_echo_without_a_user_message_is_empty(models) -> None:
    answered = await models().ask(
        "/v1/chat/completions", {"model": "echo", "messages": [{"role": "system", "content": "x"}]}
    )
    assert answered.json["choices"][0]["message"]["content"] == ""


async def test_usage_is_what_the_tokenizer_counts(models, counter) -> None:
    text = "How many tokens are these? 中文也可以"
    usage = (await models().chat("echo", text)).json["usage"]
    assert usage["prompt_tokens"] == counter.count_turns([Turn("user", (text,))])
    assert usage["completion_tokens"] == counter.count(text)
    assert usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"]


async def test_echo_streams_one_event_a_piece(models) -> None:
    answered = await models().chat("echo", "Hello, world! 12345 中文", stream=True)
    events = answered.events
    chunks = [ChatCompletionChunk.model_validate(event) for event in events]
    assert answered.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert {(chunk.id, chunk.created, chunk.model) for chunk in chunks} == {("chatcmpl-id1", 1_000_000, "echo")}
    assert [chunk.choices[0].delta.role for chunk in chunks] == ["assistant"] + [None] * (len(chunks) - 1)
    assert [chunk.choices[0].finish_reason for chunk in chunks] == [None] * (len(chunks) - 1) + ["stop"]
    assert joined(events) == "Hello, world! 12345 中文"
    assert len(chunks) > 8
    assert not any("usage" in event for event in events)


async def test_usage_is_streamed_if_asked_for(models) -> None:
    bench = models()
    plain = (await bench.chat("echo")).json["usage"]
    *events, last = (await bench.chat("echo", **ASKED)).events
    assert last["choices"] == []
    assert last["usage"] == plain
    assert all(event["usage"] is None and event["choices"] for event in events)
    ChatCompletionChunk.model_validate(last)


async def test_stream_null_is_a_plain_answer(models) -> None:
    ChatCompletion.model_validate((await models().chat("echo", stream=None, stream_options=None)).json)


async def test_a_long_text_streams_in_a_bounded_number_of_events(models) -> None:
    text = "word " * 100_000
    events = (await models().chat("echo", text, stream=True)).events
    assert joined(events) == text
    assert len(events) < 5000


@pytest.mark.parametrize("name", ["max_tokens", "max_completion_tokens"])
@pytest.mark.parametrize("model", ["echo", "mock"])
async def test_a_limit_bounds_the_tokens(models, model: str, name: str) -> None:
    bench = models(tokens=9)
    completion = (await bench.chat(model, "one two three four five six", **{name: 4})).json
    assert completion["usage"]["completion_tokens"] == 4
    assert completion["choices"][0]["finish_reason"] == "length"
    roomy = (await bench.chat(model, "one two three four five six", **{name: 100})).json
    assert roomy["choices"][0]["finish_reason"] == "stop"
    streamed = (await bench.chat(model, "one two three four five six", stream=True, **{name: 4})).events
    assert streamed[-1]["choices"][0]["finish_reason"] == "length"
    assert joined(streamed) == completion["choices"][0]["message"]["content"]


# mock


async def test_mock_has_the_tokens_it_is_told_to(models, counter) -> None:
    bench = models(tokens=50)
    completion = (await bench.chat("mock", n=3)).json
    texts = [choice["message"]["content"] for choice in completion["choices"]]
    assert [counter.count(text) for text in texts] == [50, 50, 50]
    assert [counter.count(text, "gpt-4") for text in texts] == [50, 50, 50]
    assert completion["usage"]["completion_tokens"] == 150
    assert len(set(texts)) == 3
    assert texts == [choice["message"]["content"] for choice in (await bench.chat("mock", n=3)).json["choices"]]


async def test_several_choices_are_streamed_side_by_side(models) -> None:
    bench = models(tokens=5)
    texts = [choice["message"]["content"] for choice in (await bench.chat("mock", n=2)).json["choices"]]
    events = (await bench.chat("mock", n=2, stream=True)).events
    assert [joined(events, 0), joined(events, 1)] == texts
    assert [event["choices"][0]["index"] for event in events] == [0, 1] * 7


async def test_mock_keeps_its_pace(models) -> None:
    bench = models(tokens=4, first_token_delay=500, tokens_per_second=10)
    start = bench.time.now
    response = await bench.send(
        "/v1/chat/completions", {"model": "mock", "messages": [{"role": "user"}], "stream": True}
    )
    arrivals = [round(bench.time.now - start, 3) async for _ in response.body]
    assert arrivals == [0.5, 0.5, 0.6, 0.7, 0.8, 0.9, 0.9]  # role, four tokens, finish, [DONE]


async def test_a_slow_reader_does_not_add_to_the_pace(models) -> None:
    bench = models(tokens=4, tokens_per_second=10)
    response = await bench.send(
        "/v1/chat/completions", {"model": "mock", "messages": [{"role": "user"}], "stream": True}
    )
    assert await anext(response.body)
    bench.time.now += 10
    assert len([piece async for piece in response.body]) == 6
    assert bench.time.slept == []


async def test_a_plain_answer_takes_as_long_as_a_stream(models) -> None:
    bench = models(tokens=4, first_token_delay=500, tokens_per_second=10)
    await bench.chat("mock")
    assert bench.time.slept == [pytest.approx(0.9)]


async def test_echo_does_not_wait(models) -> None:
    bench = models(first_token_delay=500, tokens_per_second=1)
    await bench.chat("echo", stream=True)
    assert bench.time.slept == []


# tools


@pytest.mark.parametrize(
    ("choice", "name", "arguments"),
    [
        ("required", "weather", {"city": "text", "days": 3}),
        ({"type": "function", "function": {"name": "time"}}, "time", {}),
    ],
)
async def test_mock_calls_the_function_it_must(models, choice: Any, name: str, arguments: dict[str, Any]) -> None:
    bench = models()
    answered = await bench.chat("mock", tools=[WEATHER, TIME], tool_choice=choice)
    completion = ChatCompletion.model_validate(answered.json)
    (call,) = completion.choices[0].message.tool_calls or []
    assert call.type == "function"
    assert (call.function.name, json.loads(call.function.arguments)) == (name, arguments)
    assert completion.choices[0].finish_reason == "tool_calls"
    assert completion.usage
    assert completion.usage.completion_tokens == bench.counter.count(name) + bench.counter.count(
        call.function.arguments
    )


async def test_a_tool_call_is_streamed_in_fragments(models) -> None:
    events = (await models().chat("mock", tools=[WEATHER], tool_choice="required", stream=True)).events
    chunks = [ChatCompletionChunk.model_validate(event) for event in events]
    first, *rest = [call for chunk in chunks for call in chunk.choices[0].delta.tool_calls or []]
    assert first.id
    assert first.type == "function"
    assert first.function
    assert first.function.name == "weather"
    assert all(call.index == 0 for call in [first, *rest])
    assert len(rest) > 3
    assert all(call.id is None and call.function and call.function.name is None for call in rest)
    arguments = "".join(call.function.arguments or "" for call in [first, *rest] if call.function)
    assert json.loads(arguments) == {"city": "text", "days": 3}
    assert chunks[-1].choices[0].finish_reason == "tool_calls"


@pytest.mark.parametrize("choice", [None, "auto", "none"])
async def test_mock_answers_with_text_if_it_may(models, choice: Any) -> None:
    answered = await models().chat("mock", tools=[WEATHER], tool_choice=choice)
    assert answered.json["choices"][0]["message"]["content"]


async def test_mock_calls_tools_in_turn_until_it_has_made_its_steps(models) -> None:
    bench = models(tool_steps=3)
    messages: list[Any] = [{"role": "user", "content": "Shall I take a coat?"}]
    called = []
    for _ in range(4):
        body = {"model": "mock", "messages": messages, "tools": [WEATHER, TIME]}
        message = (await bench.ask("/v1/chat/completions", body)).json["choices"][0]["message"]
        for call in message.get("tool_calls") or []:
            called.append(call["function"]["name"])
            messages += [message, {"role": "tool", "tool_call_id": call["id"], "content": "rain"}]
    assert called == ["weather", "time", "weather"]
    assert message["content"]
    messages += [message, {"role": "user", "content": "And tomorrow?"}]
    answered = await bench.ask("/v1/chat/completions", {"model": "mock", "messages": messages, "tools": [WEATHER]})
    assert answered.json["choices"][0]["finish_reason"] == "tool_calls"


async def test_mock_calls_nothing_if_it_must_not(models) -> None:
    answered = await models(tool_steps=3).chat("mock", tools=[WEATHER], tool_choice="none")
    assert answered.json["choices"][0]["message"]["content"]
    assert (await models(tool_steps=3).chat("mock")).json["choices"][0]["message"]["content"]


async def test_an_unknown_function_is_an_error(models) -> None:
    wanted = {"type": "function", "function": {"name": "nope"}}
    answered = await models().chat("mock", tools=[WEATHER], tool_choice=wanted)
    assert (answered.status, answered.json["error"]["param"]) == (400, "tool_choice")


# mistakes

USER = [{"role": "user", "content": "x"}]


@pytest.mark.parametrize(
    ("body", "status", "param", "code"),
    [
        ({"model": "mock"}, 400, "messages", "missing_required_parameter"),
        ({"messages": USER}, 400, "model", "missing_required_parameter"),
        ({"model": "mock", "messages": []}, 400, "messages", "invalid_value"),
        ({"model": "mock", "messages": [{"content": "x"}]}, 400, "messages[0].role", "missing_required_parameter"),
        ({"model": "mock", "messages": ["x"]}, 400, "messages[0]", "invalid_value"),
        ({"model": "mock", "messages": USER, "n": 0}, 400, "n", "invalid_value"),
        ({"model": "mock", "messages": USER, "max_tokens": "many"}, 400, "max_tokens", "invalid_value"),
        ({"model": "gpt-9", "messages": USER}, 404, None, "model_not_found"),
        ([1], 400, None, "invalid_value"),
        (b'{"model": "mock", ', 400, None, None),
        (b"\xff\xfe", 400, None, None),
        (b'{"tools":[{"function":{"parameters":' + b"[" * 100_000, 400, None, None),
    ],
)
async def test_a_mistake_is_named_in_openais_shape(
    models, body: Any, status: int, param: str | None, code: str
) -> None:
    answered = await models().ask("/v1/chat/completions", body)
    error = answered.json["error"]
    assert (answered.status, error["param"], error["code"]) == (status, param, code)
    assert error["type"] == "invalid_request_error"
    assert error["message"]
    assert set(error) == {"message", "type", "param", "code"}


async def test_an_unknown_model_is_told_which_there_are(models) -> None:
    message = (await models().chat("gpt-9")).json["error"]["message"]
    assert "echo, mock" in message
    assert "modelMapping" not in message


async def test_an_unknown_model_behind_another_label_is_told_why_it_was_not_mapped(models) -> None:
    body = {"model": "gpt-9", "messages": [{"role": "user", "content": "Hello"}]}
    answered = await models().ask("/v1/chat/completions", body, kind="application/x-www-form-urlencoded")
    assert "only in requests with the header content-type: application/json" in answered.json["error"]["message"]
