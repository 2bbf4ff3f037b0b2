"""Chat completions with OpenAI's Python SDK and a scripted provider: each thing that it relies on."""

import asyncio
import gzip
import json

import openai
import pytest
from openai import OpenAI
from stage.answers import CHAT, DONE, MESSAGES, answers, chunk, completion, data, error_body, streams, text_events
from stage.gateway import BUILTIN

TOOL_FRAGMENTS = [
    {"role": "assistant", "content": None},
    {"tool_calls": [{"index": 0, "id": "call_a", "type": "function", "function": {"name": "add", "arguments": ""}}]},
    {"tool_calls": [{"index": 1, "id": "call_b", "type": "function", "function": {"name": "mul", "arguments": ""}}]},
    {"tool_calls": [{"index": 0, "function": {"arguments": '{"x":'}}]},
    {"tool_calls": [{"index": 1, "function": {"arguments": '{"y":2'}}]},
    {"tool_calls": [{"index": 0, "function": {"arguments": "1}"}}, {"index": 1, "function": {"arguments": "}"}}]},
]


async def texts(stream):
    return [
        event.choices[0].delta.content async for event in stream if event.choices and event.choices[0].delta.content
    ]


async def test_sync_client(gateway):
    """The synchronous client, plain and streaming."""
    running = await gateway(BUILTIN)

    def talk():
        with OpenAI(base_url=f"{running.url}/v1", api_key="sk-x") as client:
            plain = client.chat.completions.create(model="echo", messages=MESSAGES)
            stream = client.chat.completions.create(model="echo", messages=MESSAGES, stream=True)
            return plain, [event.choices[0].delta.content for event in stream]

    plain, deltas = await asyncio.to_thread(talk)
    assert plain.choices[0].message.content == "Hello!"
    assert plain.usage.total_tokens == plain.usage.prompt_tokens + plain.usage.completion_tokens > 2
    assert "".join(text or "" for text in deltas) == "Hello!"


async def test_raw_response(behind):
    """`with_raw_response` sees the provider's request id, its rate limits and our own id."""
    limits = {
        f"x-ratelimit-{what}-{unit}": value
        for unit in ("requests", "tokens")
        for what, value in {"limit": "500", "remaining": "499", "reset": "6m0s"}.items()
    }
    running, _ = await behind(answers(headers={"x-request-id": "req_provider", **limits}))
    response = await running.sdk().chat.completions.with_raw_response.create(**CHAT)
    assert response.request_id == "req_provider"
    assert response.headers["x-aigw-request-id"] not in ("", "req_provider")
    assert {name: response.headers[name] for name in limits} == limits
    assert response.parse().choices[0].message.content == "Hi"


@pytest.mark.parametrize("stream", [False, True])
async def test_own_request_id(behind, stream):
    """A provider that names no request gets our id as x-request-id."""
    running, _ = await behind(streams(*text_events("a")) if stream else answers())
    response = await running.sdk().chat.completions.with_raw_response.create(**CHAT, stream=stream)
    assert response.request_id == response.headers["x-aigw-request-id"] != ""
    if stream:
        assert await texts(response.parse()) == ["a"]


# Errors


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (400, openai.BadRequestError),
        (401, openai.AuthenticationError),
        (403, openai.PermissionDeniedError),
        (404, openai.NotFoundError),
        (409, openai.ConflictError),
        (422, openai.UnprocessableEntityError),
        (429, openai.RateLimitError),
        (500, openai.InternalServerError),
        (529, openai.InternalServerError),
    ],
)
async def test_provider_errors(behind, status, error):
    """Message, type, code and param are the provider's own, with its status."""
    body = error_body("that is wrong", "some_error", "some_code", "some_param")
    running, _ = await behind(answers(body, status, {"x-request-id": "req_7"}))
    with pytest.raises(error) as caught:
        await running.sdk().chat.completions.create(**CHAT)
    shown = caught.value
    assert (shown.status_code, shown.request_id) == (status, "req_7")
    assert (shown.body["message"], shown.type, shown.code, shown.param) == (
        "that is wrong", "some_error", "some_code", "some_param",
    )  # fmt: skip


@pytest.mark.parametrize("kind", ["text/html", "text/plain"])
@pytest.mark.parametrize("stream", [False, True])
async def test_error_page(behind, kind, stream):
    """A page of some proxy becomes JSON, so that the client can read it."""
    running, _ = await behind(answers(b"<h1>502 Bad Gateway</h1>", 502, kind=kind))
    with pytest.raises(openai.InternalServerError) as caught:
        await running.sdk().chat.completions.create(**CHAT, stream=stream)
    assert caught.value.status_code == 502
    assert "502 Bad Gateway" in caught.value.body["message"]
    assert caught.value.code == "upstream_status"


async def test_own_errors(gateway):
    """Errors that aigw makes itself have the same shape: an unknown model of the built-in ones, an unknown path."""
    running = await gateway(BUILTIN)
    with pytest.raises(openai.NotFoundError) as caught:
        await running.sdk().chat.completions.create(model="gpt-9", messages=MESSAGES)
    assert (caught.value.code, caught.value.type) == ("model_not_found", "invalid_request_error")
    assert "gpt-9" in caught.value.body["message"]
    with pytest.raises(openai.NotFoundError) as caught:
        await running.sdk().post("/nowhere", cast_to=object, body={})
    assert "/v1/nowhere" in caught.value.body["message"]
    assert caught.value.request_id


# Streams


async def test_stream_framing(behind):
    """The headers of a stream, and every byte of its events as the provider sent it."""
    events = text_events("Grüße ", "👋", "!")
    running, _ = await behind(streams(*events))
    async with running.sdk().chat.completions.with_streaming_response.create(**CHAT, stream=True) as response:
        body = b"".join([piece async for piece in response.iter_bytes()])
    assert response.headers["content-type"].startswith("text/event-stream")
    assert response.headers["cache-control"] == "no-cache"
    assert response.headers["x-accel-buffering"] == "no"
    assert body == b"".join(events)


@pytest.mark.parametrize("size", [1, 3, 7])
async def test_split_anywhere(behind, size):
    """Events cut at any byte, inside a UTF-8 character too."""
    whole = b"".join(text_events("Grüße ", "👋", "!"))
    running, _ = await behind(streams(*(whole[at : at + size] for at in range(0, len(whole), size))))
    stream = await running.sdk().chat.completions.create(**CHAT, stream=True)
    assert await texts(stream) == ["Grüße ", "👋", "!"]


@pytest.mark.parametrize("rewrite", [lambda e: e.replace(b"\n", b"\r\n"), lambda e: e.replace(b"data: ", b"data:")])
async def test_line_ends_and_spaces(behind, rewrite):
    """CRLF, and no space after `data:`."""
    running, _ = await behind(streams(*(rewrite(event) for event in text_events("a", "b"))))
    stream = await running.sdk().chat.completions.create(**CHAT, stream=True)
    assert await texts(stream) == ["a", "b"]


async def test_event_of_several_megabytes(behind):
    """An event may be large."""
    running, _ = await behind(streams(*text_events("x" * 3_000_000)))
    stream = await running.sdk().chat.completions.create(**CHAT, stream=True)
    assert [len(text) for text in await texts(stream)] == [3_000_000]


async def test_each_event_at_once(behind):
    """An event is forwarded when it arrives: the provider waits until the client has read it before the next."""
    read = asyncio.Semaphore(0)

    async def script(peer):
        await peer.begin()
        for event in text_events("a", "b", "c"):
            await peer.piece(event)
            async with asyncio.timeout(5):
                await read.acquire()
        await peer.end()

    running, _ = await behind(script)
    async with running.sdk().chat.completions.with_streaming_response.create(**CHAT, stream=True) as response:
        async for line in response.iter_lines():
            if line:
                read.release()


async def test_complete_stream_without_done(behind):
    """A stream that was complete ends with [DONE], also where the provider sends none."""
    *events, _ = text_events("a")
    running, _ = await behind(streams(*events))
    async with running.sdk().chat.completions.with_streaming_response.create(**CHAT, stream=True) as response:
        body = b"".join([piece async for piece in response.iter_bytes()])
    assert body == b"".join(events) + DONE


async def test_truncation_is_not_papered_over(behind):
    """A stream without a finish reason gets no [DONE], but an error."""
    events = text_events("a")[:-2]
    running, _ = await behind(streams(*events))
    async with running.sdk().chat.completions.with_streaming_response.create(**CHAT, stream=True) as response:
        body = b"".join([piece async for piece in response.iter_bytes()])
    assert body.startswith(b"".join(events) + b'data: {"error":{')
    assert DONE not in body


@pytest.mark.parametrize("extra", [b"", chunk(usage={"total_tokens": 3})])
async def test_declared_length(behind, extra):
    """A stream with a Content-Length is complete, also where it got shorter or longer on its way."""
    *events, _ = text_events("a")
    whole = b"".join(events) + extra
    running, _ = await behind(answers(whole, kind="text/event-stream"))
    async with running.sdk().chat.completions.with_streaming_response.create(**CHAT, stream=True) as response:
        body = b"".join([piece async for piece in response.iter_bytes()])
    assert body == b"".join(events) + DONE


async def test_half_an_event_at_the_end(behind):
    """Half an event is not passed on: no client could read it, nor the error behind it."""
    sent = [*text_events("a")[:2], b'data: {"choi']
    running, _ = await behind(streams(*sent))
    async with running.sdk().chat.completions.with_streaming_response.create(**CHAT, stream=True) as response:
        body = b"".join([piece async for piece in response.iter_bytes()])
    assert body.startswith(b"".join(sent[:2]) + b'data: {"error":{')


@pytest.mark.parametrize(
    "last",
    [b"data: [DONE]", b"data: [DONE]\n", chunk(usage={"total_tokens": 3}).rstrip()],
)
async def test_last_event_without_a_blank_line(behind, last):
    """A provider that saves the last blank line: one [DONE], and no event that the client did not ask for."""
    *events, _ = text_events("a")
    running, _ = await behind(streams(*events, last))
    async with running.sdk().chat.completions.with_streaming_response.create(**CHAT, stream=True) as response:
        body = b"".join([piece async for piece in response.iter_bytes()])
    assert body.rstrip() == (b"".join(events) + DONE).rstrip()


async def test_error_in_the_stream(behind):
    """An error event of the provider is passed on, and the SDK raises it."""
    error = data({"error": {"message": "overloaded", "type": "server_error", "code": "busy", "param": None}})
    running, _ = await behind(streams(*text_events("a")[:2], error))
    stream = await running.sdk().chat.completions.create(**CHAT, stream=True)
    seen = []
    with pytest.raises(openai.APIError, match="overloaded") as caught:
        async for event in stream:
            seen += [event.choices[0].delta.content]
    assert caught.value.code == "busy"
    assert seen == ["", "a"]


async def test_comments(behind):
    """Comments stay comments, before the first event and between two."""
    first, *rest = text_events("a")
    sent = [b": keep-alive\n\n", first, b": ping\n\n", *rest]
    running, _ = await behind(streams(*sent))
    async with running.sdk().chat.completions.with_streaming_response.create(**CHAT, stream=True) as response:
        assert b"".join([piece async for piece in response.iter_bytes()]) == b"".join(sent)
    stream = await running.sdk().chat.completions.create(**CHAT, stream=True)
    assert await texts(stream) == ["a"]


# Tools and usage


async def test_parallel_tool_calls(behind):
    """Fragments of two calls, interleaved by index, make two calls."""
    events = [*(chunk(delta) for delta in TOOL_FRAGMENTS), chunk({}, "tool_calls"), DONE]
    running, _ = await behind(streams(*events))
    async with running.sdk().chat.completions.stream(**CHAT) as stream:
        message = (await stream.get_final_completion()).choices[0].message
    calls = [(call.id, call.function.name, call.function.arguments) for call in message.tool_calls]
    assert calls == [("call_a", "add", '{"x":1}'), ("call_b", "mul", '{"y":2}')]


async def test_unknown_fields_are_kept(behind):
    """`reasoning_content`, `provider`, `x_groq` and the like reach the client, streaming and plain."""
    event = chunk(
        {"content": "a", "reasoning_content": "hm"}, provider="P", x_groq={"id": "g"}, system_fingerprint="fp"
    )
    running, _ = await behind(
        answers(completion(provider="P", x_groq={"id": "g"})), streams(event, chunk({}, "stop"), DONE)
    )
    client = running.sdk()
    plain = await client.chat.completions.create(**CHAT)
    assert (plain.provider, plain.x_groq) == ("P", {"id": "g"})
    got, _ = [event async for event in await client.chat.completions.create(**CHAT, stream=True)]
    assert (got.provider, got.x_groq, got.system_fingerprint) == ("P", {"id": "g"}, "fp")
    assert got.choices[0].delta.reasoning_content == "hm"


@pytest.mark.parametrize("asked", [None, False, True])
async def test_usage_only_if_asked(behind, asked):
    """Usage is asked for unless the client says no, and its chunk reaches only a client that asked for it."""
    usage = {"prompt_tokens": 2, "completion_tokens": 1, "total_tokens": 3}
    *events, done = text_events("a")
    running, upstream = await behind(streams(*events, chunk(usage=usage), done))
    options = {} if asked is None else {"stream_options": {"include_usage": asked}}
    stream = await running.sdk().chat.completions.create(**CHAT, stream=True, **options)
    got = [event async for event in stream]
    assert upstream.requests[0].json()["stream_options"] == {"include_usage": asked is not False}
    assert len(got) == len(events) + bool(asked)
    assert bool(got[-1].usage) is bool(asked)
    assert all(event.choices for event in got[: len(events)])


async def test_builtin_tool_call_and_usage(gateway):
    """What the built-in models stream is what the SDK's own accumulator expects."""
    running = await gateway(BUILTIN)
    parameters = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
    tools = [{"type": "function", "function": {"name": "weather", "parameters": parameters}}]
    request = {"model": "mock", "messages": MESSAGES, "tools": tools, "tool_choice": "required"}
    request["stream_options"] = {"include_usage": True}
    async with running.sdk().chat.completions.stream(**request) as stream:
        final = await stream.get_final_completion()
    (call,) = final.choices[0].message.tool_calls
    assert call.function.name == "weather"
    assert isinstance(json.loads(call.function.arguments)["city"], str)
    assert final.choices[0].finish_reason == "tool_calls"
    assert final.usage.completion_tokens > 0


# What passes through


async def test_compressed_answer(behind):
    """A compressed answer is passed on with its Content-Encoding, and nothing but identity was asked for."""
    packed = gzip.compress(completion("zipped"))
    running, upstream = await behind(answers(packed, headers={"Content-Encoding": "gzip"}))
    answer = await running.sdk().chat.completions.create(**CHAT)
    assert answer.choices[0].message.content == "zipped"
    assert upstream.requests[0].headers.get("accept-encoding", "identity") == "identity"


async def test_fields_pass_through(behind):
    """Fields are the provider's business: none is dropped, renamed or added."""
    fields = {
        "n": 2, "max_completion_tokens": 5, "max_tokens": 6, "seed": 7, "parallel_tool_calls": False, "store": False,
        "response_format": {"type": "json_object"},
    }  # fmt: skip
    messages = [{"role": "developer", "content": "Be brief."}, *MESSAGES]
    body = {"stream": None, "extra_unknown": {"a": [1, None]}}
    running, upstream = await behind(answers(), type="azure", azureServiceUrl="https://api.openai.com/openai/v1")
    await running.sdk().chat.completions.create(model="m", messages=messages, **fields, extra_body=body)
    assert upstream.requests[0].json() == {"model": "m", "messages": messages, **fields, **body}


async def test_several_choices(gateway):
    """N choices, each with its index, plain and streaming."""
    running = await gateway(BUILTIN)
    request = {"model": "echo", "messages": MESSAGES, "n": 3}
    plain = await running.sdk().chat.completions.create(**request)
    assert [(choice.index, choice.message.content) for choice in plain.choices] == [(i, "Hello!") for i in range(3)]
    said = {0: "", 1: "", 2: ""}
    async for event in await running.sdk().chat.completions.create(**request, stream=True):
        for choice in event.choices:
            said[choice.index] += choice.delta.content or ""
    assert said == dict.fromkeys(range(3), "Hello!")


async def test_model_names(behind):
    """The provider gets the mapped model, the client sees the provider's."""
    running, upstream = await behind(answers(), modelMapping={"gpt-4o": "gpt-4o-2024"})
    answer = await running.sdk().chat.completions.create(**CHAT)
    assert upstream.requests[0].json()["model"] == answer.model == "gpt-4o-2024"


async def test_headers_out(behind):
    """Credentials are swapped, what means something to OpenAI stays, what is the connection's goes."""
    running, upstream = await behind(answers())
    kept = {
        "openai-organization": "org-1", "openai-project": "proj-1", "openai-beta": "assistants=v2",
        "idempotency-key": "abc", "traceparent": "00-1-2-01",
    }  # fmt: skip
    gone = {"cookie": "a=b", "x-api-key": "sk-client", "proxy-authorization": "Basic eA==", "te": "trailers"}
    await running.sdk().chat.completions.create(**CHAT, extra_headers={**kept, **gone})
    got = upstream.requests[0].headers
    assert got["authorization"] == "Bearer sk-provider"
    assert got["host"] == "api.openai.com"
    assert {name: got.get(name) for name in kept} == kept
    assert not gone.keys() & {name.lower() for name in got}
    assert got["user-agent"].startswith("AsyncOpenAI/Python")
    assert b"sk-client" not in upstream.requests[0].head
