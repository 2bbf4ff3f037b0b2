"""What OpenAI Responses are made of: streams of bodies, bodies of streams, answers and errors of ours, and that OpenAI's own
SDK takes them."""

import json

import pytest
from aiohttp import web
from hypothesis import example, given
from hypothesis import strategies as st
from multidict import CIMultiDict
from openai import APIError, AsyncOpenAI

from aigw.core.answer import Answer, ToolCall
from aigw.core.errors import GatewayError
from aigw.core.model import Chunk, Request
from aigw.core.tokens import Tokens
from aigw.dialects import apis
from aigw.dialects.openai_responses import OpenAIResponses
from aigw.dialects.sse import EventSplitter

RESPONSES = OpenAIResponses()
HEADERS = CIMultiDict({"content-type": "application/json"})
TOOLS = [
    {"type": "function", "name": "f", "parameters": {"type": "object"}},
    {"type": "namespace", "name": "space", "tools": [{"type": "custom", "name": "patch"}]},
]


def asked(**fields):
    body = json.dumps({"model": "m", "input": "hi", "tools": TOOLS, **fields}).encode()
    return RESPONSES.asked(Request("POST", "/v1/responses", "", HEADERS, body), apis.RESPONSES)


def split(raw):
    return list(EventSplitter().feed(raw))


def events(*bodies):
    return split("".join(f"event: {body.get('type')}\ndata: {json.dumps(body)}\n\n" for body in bodies).encode())


def read(batch, *, streaming=True):
    reader = RESPONSES.reader(asked(), streaming=streaming)
    reader.feed(batch)
    return reader


def told(reader):
    return (reader.text, reader.reasoning, reader.calls, reader.finish, reader.complete, reader.error, reader.tokens)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=12,
)
TEXT = st.text(max_size=6)
PART = (
    st.fixed_dictionaries(
        {"type": st.just("output_text"), "text": TEXT}, optional={"annotations": st.lists(JSON, max_size=2), "logprobs": st.lists(JSON, max_size=2)}
    )
    | st.fixed_dictionaries({"type": st.just("refusal"), "refusal": TEXT})
    | st.dictionaries(st.sampled_from(["type", "text", "future"]), JSON, max_size=3)
)  # fmt: skip
SUMMARY = st.fixed_dictionaries({"type": st.just("summary_text"), "text": TEXT})
THOUGHT = st.fixed_dictionaries({"type": st.just("reasoning_text"), "text": TEXT})
ITEM = (
    st.fixed_dictionaries(
        {"type": st.just("message"), "id": TEXT, "role": st.just("assistant"), "status": TEXT, "content": st.lists(PART, max_size=3)},
        optional={"phase": TEXT},
    )
    | st.fixed_dictionaries(
        {"type": st.just("reasoning"), "summary": st.lists(SUMMARY, max_size=2)},
        optional={"id": TEXT, "content": st.none() | st.lists(THOUGHT, max_size=2), "encrypted_content": TEXT},
    )
    | st.fixed_dictionaries({"type": st.just("function_call"), "id": TEXT, "call_id": TEXT, "name": TEXT, "arguments": TEXT}, optional={"namespace": TEXT})
    | st.fixed_dictionaries({"type": st.just("custom_tool_call"), "call_id": TEXT, "name": TEXT, "input": TEXT})
    | st.dictionaries(st.sampled_from(["type", "content", "action", "future", "id"]), JSON, max_size=4)
)  # fmt: skip
BODY = st.fixed_dictionaries(
    {"id": TEXT, "object": st.just("response"), "status": st.sampled_from(["completed", "incomplete", "failed"]), "output": st.lists(ITEM, max_size=4)},
    optional={"model": TEXT, "usage": JSON, "error": JSON, "incomplete_details": JSON, "tools": JSON, "future": JSON, "created_at": st.integers()},
)  # fmt: skip


@given(BODY)
def test_a_body_survives_being_streamed(body):
    stream = list(RESPONSES.events(json.dumps(body).encode(), usage=True))
    assert json.loads(RESPONSES.whole(stream)) == body
    assert all(event.raw.startswith(b"event: " + event.json()["type"].encode() + b"\ndata: ") for event in stream)
    assert [event.json()["sequence_number"] for event in stream] == list(range(len(stream)))
    assert RESPONSES.is_last(stream[-1:]) and not RESPONSES.is_last(stream[:-1])


@given(BODY)
def test_a_body_survives_an_end_that_says_little(body):
    """What the last event leaves out is taken from those before it."""
    stream = [event.json() for event in RESPONSES.events(json.dumps(body).encode(), usage=True)]
    kept = {name: value for name, value in body.items() if name in ("id", "usage", "error", "incomplete_details")}
    stream[-1] = {**stream[-1], "response": kept}
    assert json.loads(RESPONSES.whole(events(*stream))) == body


@given(BODY)
@example({"id": "", "object": "response", "status": "completed", "output": [{}]})
@example({"id": "", "object": "response", "status": "completed", "output": [{}, {"type": "message", "content": []}]})
def test_a_stream_tells_what_its_body_tells(body):
    data = json.dumps(body).encode()
    streamed = read(list(RESPONSES.events(data, usage=True)))
    assert told(streamed) == told(read([Chunk(data, data)], streaming=False))


def test_the_order_of_events():
    output = [
        {"type": "reasoning", "id": "r", "summary": [{"type": "summary_text", "text": "s"}], "encrypted_content": "e"},
        {"type": "message", "id": "m", "status": "completed", "content": [
            {"type": "output_text", "text": "t", "annotations": [{"url": "u"}], "logprobs": []}, {"type": "refusal", "refusal": "n"}
        ]},
        {"type": "function_call", "id": "f", "status": "completed", "call_id": "c", "name": "x", "arguments": "{}"},
        {"type": "custom_tool_call", "id": "k", "call_id": "d", "name": "y", "input": "i"},
        {"type": "web_search_call", "id": "w"},
    ]  # fmt: skip
    body = {"id": "resp_1", "object": "response", "status": "completed", "output": output, "usage": {"input_tokens": 1}}
    stream = [event.json() for event in RESPONSES.events(json.dumps(body).encode(), usage=True)]
    assert [each["type"].removeprefix("response.") for each in stream] == [
        "created", "in_progress",
        "output_item.added", "reasoning_summary_part.added", "reasoning_summary_text.delta", "reasoning_summary_text.done",
        "reasoning_summary_part.done", "output_item.done",
        "output_item.added", "content_part.added", "output_text.delta", "output_text.done", "output_text.annotation.added", "content_part.done",
        "content_part.added", "refusal.delta", "refusal.done", "content_part.done", "output_item.done",
        "output_item.added", "function_call_arguments.delta", "function_call_arguments.done", "output_item.done",
        "output_item.added", "custom_tool_call_input.delta", "custom_tool_call_input.done", "output_item.done",
        "output_item.added", "output_item.done",
        "completed",
    ]  # fmt: skip
    assert stream[0]["response"] == {
        "id": "resp_1",
        "object": "response",
        "status": "in_progress",
        "output": [],
        "usage": None,
    }
    assert stream[2]["item"] == {"type": "reasoning", "id": "r", "summary": []}
    assert stream[8] == {
        "type": "response.output_item.added", "sequence_number": 8, "output_index": 1,
        "item": {"type": "message", "id": "m", "status": "in_progress", "content": []},
    }  # fmt: skip
    assert stream[10] == {
        "type": "response.output_text.delta", "sequence_number": 10, "item_id": "m", "output_index": 1, "content_index": 0,
        "delta": "t", "logprobs": [],
    }  # fmt: skip
    assert stream[9]["part"] == {"type": "output_text", "text": "", "annotations": [], "logprobs": []}
    assert stream[14]["content_index"] == 1 and stream[3]["summary_index"] == 0
    assert stream[19]["item"]["arguments"] == "" and stream[21]["arguments"] == "{}"
    assert [each["item"] for each in stream if each["type"] == "response.output_item.done"] == output


CREATED = {"type": "response.created", "response": {"id": "r", "output": []}}
ADDED = {"type": "response.output_item.added", "output_index": 0, "item": {"type": "message"}}
DONE = {"type": "response.completed", "response": {"id": "r", "output": []}}


@pytest.mark.parametrize(
    "bodies",
    [
        [], [CREATED], [CREATED, ADDED], [CREATED, ADDED, DONE], [CREATED, {"type": "error", "message": "no"}], [CREATED, {"error": {"message": "no"}}],
        [{"type": "response.completed"}], [{"type": "response.completed", "response": "x"}], [{"type": "response.output_item.done", "output_index": []}],
    ],
)  # fmt: skip
def test_what_makes_no_body_is_refused(bodies):
    with pytest.raises(ValueError):
        RESPONSES.whole(events(*bodies))


NAMES = st.sampled_from(["type", "response", "item", "output_index", "output", "id", "status", "error", "content"])
KINDS = st.sampled_from(
    ["response.created", "response.output_item.added", "response.output_item.done", "response.completed", "error"]
)


@given(
    st.lists(st.dictionaries(NAMES, JSON | KINDS | st.dictionaries(NAMES, JSON, max_size=3), max_size=5), max_size=5)
)
def test_any_events_make_a_body_or_a_value_error(bodies):
    try:
        made = RESPONSES.whole(events(*bodies))
    except ValueError:
        return
    assert isinstance(json.loads(made), dict)


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"x", b'{"error":{}}', b'{"status":"completed"}', b'{"status":"queued","output":[]}', b'{"status":"completed","output":["x"]}', b"[" * 9999]
)  # fmt: skip
def test_what_makes_no_stream_is_refused(body):
    with pytest.raises(ValueError):
        list(RESPONSES.events(body, usage=True))


@given(BODY, TEXT)
def test_any_answer_can_be_written(body, text):
    data = json.dumps(body).encode()
    for chunk in (Chunk(data, data), *RESPONSES.events(data, usage=True)):
        written = RESPONSES.write(chunk, text)
        streaming = chunk.raw is not chunk.data
        before, after = read([chunk], streaming=streaming).text, read([written], streaming=streaming).text
        assert after == (text if before else "")


# Answers of ours

FUNCTION, PATCH = ToolCall("f", "", "call_9"), ToolCall("patch", "", "call_9")
USED = Tokens(input=11, cache_read=2, cache_write=1, output=4, reasoning=3, source="reported")
OURS = [
    (Answer("Hello you"), ["Hello", "", " you"]),
    (Answer("Hel", finish="length"), ["Hel"]),
    (Answer("No.", finish="content_filter"), ["No."]),
    (Answer(""), []),
    (Answer('{"a":1}', call=FUNCTION), ['{"a"', ":1}"]),
    (Answer("*** Begin", call=PATCH), ["***", " Begin"]),
]


def streamed(answer, pieces, usage=USED):
    writer = RESPONSES.writer(asked(), "abc", 5)
    parts = [
        writer.opening(0, answer.call),
        *(writer.piece(0, piece, answer.call) for piece in pieces),
        writer.closing(0, answer),
    ]
    return b"".join(b"".join(part) for part in [*parts, writer.end(usage)])


def whole(answer, usage=USED):
    return RESPONSES.writer(asked(), "abc", 5).whole([answer], usage)


@pytest.mark.parametrize("answer, pieces", OURS)
def test_an_answer_of_ours_is_the_same_whole_and_streamed(answer, pieces):
    stream, body = split(streamed(answer, pieces)), whole(answer)
    assert json.loads(RESPONSES.whole(stream)) == json.loads(body)
    finish = "tool_calls" if answer.call else answer.finish
    calls = [answer.call._replace(arguments=answer.text)] if answer.call else []
    expected = ("" if answer.call else answer.text, "", calls, finish, True, "", USED)
    assert told(read(stream)) == told(read([Chunk(body, body)], streaming=False)) == expected
    again = [event.json()["type"] for event in RESPONSES.events(body, usage=True)]
    ours = [event.json()["type"] for event in stream]
    assert [each for each in ours if not each.endswith(".delta")] == [
        each for each in again if not each.endswith(".delta")
    ]
    assert [event.json()["sequence_number"] for event in stream] == list(range(len(stream)))


def test_a_call_is_made_as_its_tool_was_declared():
    call = json.loads(whole(Answer("x", call=PATCH)))["output"][0]
    assert (call["type"], call["name"], call["namespace"], call["input"]) == ("custom_tool_call", "patch", "space", "x")
    call = json.loads(whole(Answer("{}", call=FUNCTION)))["output"][0]
    assert (call["type"], call["call_id"], "namespace" in call) == ("function_call", "call_9", False)


def test_usage_is_told_whole_or_not_at_all():
    usage = json.loads(whole(Answer("x"), Tokens(input=3, output=1, source="reported")))["usage"]
    assert usage == {
        "input_tokens": 3, "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
        "output_tokens": 1, "output_tokens_details": {"reasoning_tokens": 0}, "total_tokens": 4,
    }  # fmt: skip
    assert json.loads(whole(Answer("x"), Tokens()))["usage"] is None


@pytest.fixture
async def client():
    """OpenAI's SDK, asking a server that answers what it is told to in `bodies`, one after the other."""
    bodies: list[bytes] = []

    async def answer(request: web.Request) -> web.Response:
        kind = "text/event-stream" if (await request.json()).get("stream") else "application/json"
        return web.Response(body=bodies.pop(0), content_type=kind)

    app = web.Application()
    app.router.add_post("/v1/responses", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    async with AsyncOpenAI(api_key="x", base_url=f"http://127.0.0.1:{port}/v1", max_retries=0) as sdk:
        yield sdk, bodies
    await runner.cleanup()


@pytest.mark.parametrize("answer, pieces", [each for each in OURS if each[0].finish == "stop"])
async def test_the_sdk_takes_answers_of_ours(client, answer, pieces):
    sdk, bodies = client
    bodies += [
        whole(answer),
        streamed(answer, pieces),
        b"".join(event.raw for event in RESPONSES.events(whole(answer), usage=True)),
    ]
    plain = await sdk.responses.create(model="m", input="x")
    assert plain.output_text == ("" if answer.call else answer.text) and plain.usage.total_tokens == 18
    for _ in range(2):
        async with sdk.responses.stream(model="m", input="x") as stream:
            kinds = [event.type async for event in stream]
            final = await stream.get_final_response()
        assert final.output_text == plain.output_text and kinds[-1] == "response.completed"
        assert [item.type for item in final.output] == [item.type for item in plain.output]


async def test_the_sdk_takes_an_error_in_mid_stream(client):
    sdk, bodies = client
    begun = b"".join(RESPONSES.writer(asked(), "abc", 5).opening(0, None))
    bodies.append(begun + RESPONSES.error_event(GatewayError(502, "broke"), "r"))
    seen = [event async for event in await sdk.responses.create(model="m", input="x", stream=True)]
    assert seen[-1].type == "response.failed" and seen[-1].response.error.message == "broke"


async def test_the_sdk_takes_an_error(client):
    sdk, bodies = client
    bodies.append(b"data: " + RESPONSES.error(GatewayError(429, "slow", code="rate_limit_exceeded"), "r") + b"\n\n")
    with pytest.raises(APIError, match="slow"):
        [event async for event in await sdk.responses.create(model="m", input="x", stream=True)]


# Errors


@pytest.mark.parametrize(
    "error, code",
    [
        (GatewayError(502, "x", code="upstream_reset"), "server_error"), (GatewayError(504, "x"), "server_error"), (GatewayError(408, "x"), "server_error"),
        (GatewayError(429, "x"), "rate_limit_exceeded"), (GatewayError(402, "x", code="budget_exceeded"), "invalid_prompt"),
        (GatewayError(403, "x"), "invalid_prompt"), (GatewayError(501, "x"), "invalid_prompt"), (GatewayError(400, "x", code="context_length_exceeded"), "context_length_exceeded"),
    ],
)  # fmt: skip
def test_codex_repeats_only_what_may_succeed(error, code):
    (event,) = split(RESPONSES.error_event(error, "req"))
    assert event.raw.startswith(b"event: response.failed\ndata: ")
    assert event.json() == {
        "type": "response.failed",
        "response": {
            "id": "resp_req",
            "object": "response",
            "status": "failed",
            "error": {"code": code, "message": "x"},
            "output": [],
        },
    }


def test_an_error():
    error = GatewayError(404, "no \udcff", code="model_not_found", param="model")
    expected = {"message": "no �", "type": "invalid_request_error", "param": "model", "code": "model_not_found"}
    assert json.loads(RESPONSES.error(error, "r")) == {"error": expected}
    assert RESPONSES.request_id_header == "x-request-id"
