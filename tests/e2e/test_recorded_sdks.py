"""What real SDKs ask is recorded, and replayed to them without a provider: OpenAI's and Anthropic's for Python.

Each session asks, and asks something a little different, which is a miss that its SDK raises."""

import base64
import io
import json
import struct
from collections.abc import Callable
from typing import Any, NamedTuple

import anthropic
import openai
import pytest
from pydantic import BaseModel
from stage.answers import answers, chunk, completion, streams
from stage.taped import CLOSED, without_misses
from stage.wires import CHAT, MESSAGES, RESPONSES, Wire

PIXEL = base64.b64decode(
    b"iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR4nGNgYGBgAAAABQABXvMqOgAAAABJRU5ErkJggg=="
)
SOUND = b"RIFF" + bytes(range(256)) * 40
CALLS = [("call_a", "weather", '{"city": "Zürich"}'), ("call_b", "time", '{"zone": "CET"}')]
TOOLS = [{"type": "function", "function": {"name": name, "parameters": {"type": "object"}}} for _, name, _ in CALLS]


class Session(NamedTuple):
    """What one program asks: `ask` gets a client and whether it asks something else than before, and returns what came
    back as plain values. `scripts` are the provider's answers, whose format is `wire`."""

    ask: Callable[..., Any]
    scripts: list[Any]
    wire: Wire = CHAT


def plain(answer):
    return answer.model_dump()


async def events(stream):
    return [plain(event) async for event in stream]


def chat(other, **fields):
    words = "What is the weather in Zürich 👋?" if not other else "What is the weather in Genf 👋?"
    return {"model": "gpt-4o", "messages": [{"role": "user", "content": words}], **fields}


async def plainly(client, other):
    return plain(await client.chat.completions.create(**chat(other)))


async def streamed(client, other):
    options = {"include_usage": True}
    return await events(await client.chat.completions.create(**chat(other), stream=True, stream_options=options))


async def tools(client, other):
    """Two calls at once, and the results of both."""
    body = chat(other, tools=TOOLS)
    first = (await client.chat.completions.create(**body)).choices[0].message
    results = [{"role": "tool", "tool_call_id": call.id, "content": f"{call.id} is fine"} for call in first.tool_calls]
    body["messages"] += [first.model_dump(exclude_none=True), *results]
    return plain(first), plain(await client.chat.completions.create(**body))


async def streamed_tools(client, other):
    async with client.chat.completions.stream(**chat(other, tools=TOOLS)) as stream:
        async for _ in stream:
            pass
        return [plain(call.function) for call in (await stream.get_final_completion()).choices[0].message.tool_calls]


class City(BaseModel):
    name: str
    people: int


async def schema(client, other):
    answer = await client.chat.completions.parse(**chat(other), response_format=City)
    return answer.choices[0].message.parsed


async def image(client, other):
    url = f"data:image/png;base64,{base64.b64encode(PIXEL[:-1] + bytes([other])).decode()}"
    parts = [{"type": "text", "text": "What is it?"}, {"type": "image_url", "image_url": {"url": url}}]
    messages = [{"role": "user", "content": parts}]
    return plain(await client.chat.completions.create(model="gpt-4o", messages=messages))


async def embeddings(client, other):
    """The SDK asks for base64 unless it is told otherwise."""
    return plain(await client.embeddings.create(model="text-embedding-3-small", input=["a", "b" + "c" * other]))


async def transcription(client, other):
    """A form, whose boundary is another one each time."""
    file = ("a.wav", io.BytesIO(SOUND + bytes([other])))
    return plain(await client.audio.transcriptions.create(model="whisper-1", file=file, language="en"))


async def responses(client, other):
    return plain(await client.responses.create(model="gpt-4o", input=f"Hi {other}", store=False))


async def streamed_responses(client, other):
    return await events(await client.responses.create(model="gpt-4o", input=f"Hi {other}", store=False, stream=True))


def message(other, **fields):
    messages = [{"role": "user", "content": f"Say hi {other}"}]
    return {"model": "claude-x", "max_tokens": 99, "system": "Be short.", "messages": messages, **fields}


async def messages(client, other):
    return plain(await client.messages.create(**message(other)))


async def streamed_messages(client, other):
    async with client.messages.stream(**message(other)) as stream:
        return [event.type async for event in stream], plain(await stream.get_final_message())


async def tools_of_messages(client, other):
    schema = {"type": "object", "properties": {"city": {"type": "string"}}}
    body = message(other, tools=[{"name": "weather", "input_schema": schema}])
    first = await client.messages.create(**body)
    results = [{"type": "tool_result", "tool_use_id": each.id, "content": "sunny"} for each in first.content]
    content = [each.model_dump(exclude_none=True) for each in first.content]
    body["messages"] += [{"role": "assistant", "content": content}, {"role": "user", "content": results}]
    async with client.messages.stream(**body) as stream:
        return plain(first), plain(await stream.get_final_message())


def of_calls():
    made = [{"id": id, "type": "function", "function": {"name": name, "arguments": text}} for id, name, text in CALLS]
    said = {"role": "assistant", "content": None, "tool_calls": made}
    return completion(choices=[{"index": 0, "message": said, "finish_reason": "tool_calls"}])


def events_of_calls():
    """The arguments of both calls come in turns."""
    opened = [
        {"index": at, "id": id, "type": "function", "function": {"name": name, "arguments": ""}}
        for at, (id, name, _) in enumerate(CALLS)
    ]
    halves = [
        (at, text[half * 6 : half * 6 + 6] if not half else text[6:])
        for half in (0, 1)
        for at, (*_, text) in enumerate(CALLS)
    ]
    pieces = [{"index": at, "function": {"arguments": text}} for at, text in halves]
    return [
        *(chunk({"tool_calls": [each]}) for each in (*opened, *pieces)),
        chunk({}, "tool_calls"),
        *CHAT.closing([])[1:],
    ]


def vectors():
    packed = [base64.b64encode(struct.pack("<3f", 0.5, at, -1.0)).decode() for at in (1.0, 2.0)]
    rows = [{"object": "embedding", "index": at, "embedding": each} for at, each in enumerate(packed)]
    return json.dumps(
        {"object": "list", "data": rows, "model": "m", "usage": {"prompt_tokens": 2, "total_tokens": 2}}
    ).encode()


def of_uses():
    uses = [
        {"type": "tool_use", "id": f"toolu_{city}", "name": "weather", "input": {"city": city}}
        for city in ("Bern", "Rom")
    ]
    return json.dumps({**json.loads(MESSAGES.plain([])), "content": uses, "stop_reason": "tool_use"}).encode()


WORDS = ("Grüezi", " ", "👋")
SESSIONS = {
    "chat": Session(plainly, [answers(CHAT.plain(WORDS))]),
    "streamed chat": Session(streamed, [streams(*CHAT.events(WORDS))]),
    "parallel tools": Session(tools, [answers(of_calls()), answers(CHAT.plain(WORDS))]),
    "streamed parallel tools": Session(streamed_tools, [streams(*events_of_calls())]),
    "schema": Session(schema, [answers(CHAT.plain(['{"name": "Zürich", "people": 450000}']))]),
    "image": Session(image, [answers(CHAT.plain(WORDS))]),
    "embeddings": Session(embeddings, [answers(vectors())]),
    "transcription": Session(transcription, [answers(json.dumps({"text": "Grüezi"}).encode())]),
    "responses": Session(responses, [answers(RESPONSES.plain(WORDS))], RESPONSES),
    "streamed responses": Session(streamed_responses, [streams(*RESPONSES.events(WORDS))], RESPONSES),
    "messages": Session(messages, [answers(MESSAGES.plain(WORDS))], MESSAGES),
    "streamed messages": Session(streamed_messages, [streams(*MESSAGES.events(WORDS))], MESSAGES),
    "tools of messages": Session(tools_of_messages, [answers(of_uses()), streams(*MESSAGES.events(WORDS))], MESSAGES),
}


@pytest.mark.parametrize("name", SESSIONS)
async def test_a_session_is_recorded_and_replayed(provider, taped, name):
    ask, scripts, wire = SESSIONS[name]
    upstream = await provider(*scripts)
    running = await taped("record", config=wire.config(upstream.url, {}))
    before = await asked(running, wire, ask, False)
    recordings = [recording for _, recording in await taped.written(running)]
    assert len(recordings) == len(upstream.requests) == len(scripts)
    running = await taped("replay", config=wire.config(CLOSED, {}))
    for _ in range(3):
        assert await asked(running, wire, ask, False) == before
    for sent, recording in zip(upstream.requests, recordings, strict=True):
        headers = {each: sent.headers[each] for each in ("content-type", "anthropic-version") if each in sent.headers}
        got = await running.request(sent.method, sent.target, sent.body, **headers)
        assert got.body == b"".join(piece.encode() for _, piece in recording.pieces)
    assert without_misses(running.recordings.report) == 4 * len(scripts)
    with pytest.raises((openai.NotFoundError, anthropic.NotFoundError), match="no recording") as caught:
        await asked(running, wire, ask, True)
    assert caught.value.response.headers["x-should-retry"] == "false"
    assert recordings[0].source.service == wire.provider["type"]
    assert len(upstream.requests) == len(scripts)


async def asked(running, wire, ask, other):
    if wire is not MESSAGES:
        return await ask(running.sdk(max_retries=2), other)
    async with MESSAGES.sdk(running) as client:
        return await ask(client.with_options(max_retries=2), other)
