"""ai-security-guard as real SDKs meet it: what is denied or masked, they read as an answer of their format."""

from __future__ import annotations

import json

import pytest
from stage.answers import DONE, answers, chunk, data, streams
from stage.gateway import until
from stage.raw import encode
from stage.wires import CHAT, COMPLETIONS, GEMINI, MESSAGES, RESPONSES, stays_open, typed

BAD = "project bluebird"
MAIL = "jane.sample" + "@example.com"
NO = "This is not to be told."
GUARD = {
    "checkRequest": True, "checkResponse": True, "denyMessage": NO, "openAIDenyResponseFormat": "structured",
}  # fmt: skip


def rules(*words):
    return {"rules": [{"label": "names", "words": words}]}


CLEAN = "A robin is a small bird with a red breast. " * 5
WIRES = [CHAT, COMPLETIONS, MESSAGES, RESPONSES, GEMINI]
WIRE = pytest.mark.parametrize("wire", WIRES, ids=str)


@pytest.fixture
def guarded(provider, gateway):
    """A gateway with the guard, in front of a provider of the format."""

    async def start(wire, script, **more):
        upstream = await provider(script)
        more = {"plugins": {}, "guard": rules(BAD), **more}
        plugins = {"ai-security-guard": GUARD, **more.pop("plugins")}
        return await gateway(wire.config(upstream.url, plugins, **more), keeps=True), upstream

    return start


async def read(wire, running):
    return [text async for text in wire.read(running)]


async def raw(wire, running, *, stream, prompt="Hello!"):
    body = json.dumps(wire.body(prompt, stream=stream)).encode()
    answer = await running.request("POST", wire.stream_path if stream else wire.path, body)
    return answer.body


@WIRE
async def test_a_request_that_is_denied(guarded, wire):
    """The prompt of all formats is refused."""
    running, upstream = await guarded(wire, answers(wire.plain(["x"])), guard=rules("hello"))
    if wire is not GEMINI:
        assert "".join(await read(wire, running)) == NO
    if wire is not COMPLETIONS:
        assert await wire.text(running) == NO
    assert NO.encode() in await raw(wire, running, stream=False)
    assert NO.encode() in await raw(wire, running, stream=True)
    assert upstream.requests == []


@WIRE
async def test_a_plain_answer_that_is_denied(guarded, wire):
    running, _ = await guarded(wire, answers(wire.plain([f"It is {BAD}."])))
    if wire is not COMPLETIONS:
        assert await wire.text(running) == NO
    got = await raw(wire, running, stream=False)
    assert NO.encode() in got
    assert BAD.encode() not in got


@pytest.mark.parametrize(
    "texts",
    [["It is ", BAD, " indeed."], [*CLEAN, BAD], [CLEAN, *BAD, f", {CLEAN}"]],
    ids=["at once", "later", "pieces"],
)
@WIRE
async def test_a_stream_that_is_denied(guarded, wire, texts):
    running, _ = await guarded(wire, streams(*wire.events(texts)))
    told = "".join(await read(wire, running))
    assert told.endswith(NO)
    assert f"{CLEAN} It is".endswith(told.removesuffix(NO)) or CLEAN.startswith(told.removesuffix(NO).strip())
    assert b"bluebird" not in await raw(wire, running, stream=True)


@pytest.mark.parametrize("size", [1, 5, 60])
@WIRE
async def test_what_is_masked(guarded, wire, size):
    """In requests, plain answers and streams, however a provider cuts its text."""
    text = f"{CLEAN}Write to {MAIL} now. {CLEAN}"
    pieces = [text[start : start + size] for start in range(0, len(text), size)]
    running, upstream = await guarded(wire, forms(wire, pieces))
    shown = text.replace(MAIL, "[email]")
    assert "".join(await read(wire, running)) == shown
    if wire is not COMPLETIONS:
        assert await wire.text(running) == shown
    for stream in (False, True):
        got = await raw(wire, running, stream=stream, prompt=f"Write to {MAIL}!")
        assert MAIL.encode() not in got
        assert b"Write to [email]!" in upstream.requests[-1].body
        assert MAIL.encode() not in upstream.requests[-1].body


def forms(wire, texts):
    """A provider that answers in the form that is asked for."""

    async def script(peer):
        asked = await peer.body()
        stream = b'"stream": true' in asked or b'"stream":true' in asked or "stream" in peer.request.target
        await (streams(*wire.events(texts)) if stream else answers(wire.plain(texts)))(peer)

    return script


def calls(*pieces):
    """The events of a chat with two calls whose arguments arrive side by side."""
    begun = [{"index": index, "id": f"call_{index}", "type": "function", "function": {"name": "send", "arguments": ""}}
             for index in range(2)]  # fmt: skip
    more = [{"index": place % 2, "function": {"arguments": piece}} for place, piece in enumerate(pieces)]
    return [
        chunk({"role": "assistant", "content": None}),
        *(chunk({"tool_calls": [each]}) for each in [*begun, *more]),
        chunk({}, "tool_calls"),
        DONE,
    ]


TOOLS = [{"type": "function", "function": {"name": "send", "parameters": {"type": "object"}}}]


async def final(running, **more):
    asked = {**CHAT.body(), **more}
    del asked["stream"]
    async with running.sdk().chat.completions.stream(**asked) as stream:
        return await stream.get_final_completion()


async def test_calls_side_by_side(guarded):
    """The SDK puts them together. What is masked is masked in them."""
    running, _ = await guarded(CHAT, streams(*calls('{"to":"', '{"x', MAIL, '":4111111', '"}', "111111111}")))
    (choice,) = (await final(running, tools=TOOLS)).choices
    assert [json.loads(call.function.arguments) for call in choice.message.tool_calls] == [
        {"to": "[email]"},
        {"x": "[card]"},
    ]
    assert choice.finish_reason == "tool_calls"


@pytest.mark.parametrize("texts", [("project ", '{"x', BAD), ('{"to":"project ', "{", '\\u0062luebird"}', "}")])
async def test_a_call_that_is_denied(guarded, texts):
    running, _ = await guarded(CHAT, streams(*calls(*texts)))
    (choice,) = (await final(running, tools=TOOLS)).choices
    assert (choice.message.content, choice.message.tool_calls) == (NO, None)
    assert b"luebird" not in await raw(CHAT, running, stream=True)


def said(index, text):
    choice = {"index": index, "delta": {"content": text}, "finish_reason": None}
    return data({"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [choice]})


@pytest.mark.parametrize("bad", [0, 1])
async def test_several_choices(guarded, bad):
    """Where one is denied, the stream ends, and no choice stays open."""
    texts = {bad: f"{CLEAN}It is {BAD}, I think.", 1 - bad: CLEAN * 2}
    places = [(index, start) for start in range(0, len(texts[bad]), 7) for index in (0, 1)]
    lines = [said(index, texts[index][start : start + 7]) for index, start in places]
    running, _ = await guarded(CHAT, streams(*lines, DONE))
    completion = await final(running, n=2)
    assert all(choice.finish_reason for choice in completion.choices)
    assert BAD not in completion.model_dump_json()


def thought(*texts, kind="thinking"):
    """The events of a message that thinks, calls a tool and says something."""
    delta = {"thinking": "thinking_delta", "text": "text_delta", "partial_json": "input_json_delta"}
    blocks = [("thinking", {"type": "thinking", "thinking": "", "signature": ""}), ("text", {"type": "text", "text": ""}),
              ("partial_json", {"type": "tool_use", "id": "t", "name": "send", "input": {}})]  # fmt: skip
    said = {"thinking": ["I think."], "text": ["I say."], "partial_json": ['{"a":', '"b"}'], kind: texts}
    events = []
    for index, (name, block) in enumerate(blocks):
        events.append(typed("content_block_start", index=index, content_block=block))
        deltas = ({"type": delta[name], name: text} for text in said[name])
        events += [typed("content_block_delta", index=index, delta=each) for each in deltas]
        events.append(typed("content_block_stop", index=index))
    return [MESSAGES.opening()[0], *events, *MESSAGES.closing([])[1:]]


async def message(running):
    body = {name: value for name, value in MESSAGES.body().items() if name != "stream"}
    async with MESSAGES.sdk(running) as client, client.messages.stream(**body) as stream:
        return await stream.get_final_message()


@pytest.mark.parametrize("kind", ["thinking", "text", "partial_json"])
@pytest.mark.parametrize("before", ["", CLEAN])
async def test_blocks_of_a_message_that_are_denied(guarded, kind, before):
    texts = ['{"a":"', before, *BAD, '"}'] if kind == "partial_json" else [before, *BAD]
    running, _ = await guarded(MESSAGES, streams(*thought(*texts, kind=kind)))
    got = await message(running)
    assert (got.content[-1].type, got.content[-1].text, got.stop_reason) == ("text", NO, "refusal")
    assert "bluebird" not in got.model_dump_json()


@pytest.mark.parametrize(("kind", "texts"), [
    ("thinking", [CLEAN, MAIL, " it is"]), ("text", [CLEAN, *MAIL, " it is"]), ("partial_json", ['{"to":"', *MAIL, '"}']),
])  # fmt: skip
async def test_blocks_of_a_message_that_are_masked(guarded, kind, texts):
    running, _ = await guarded(MESSAGES, streams(*thought(*texts, kind=kind)))
    got = await message(running)
    told = [block.model_dump() for block in got.content]
    expected = "".join(texts).replace(MAIL, "[email]")
    assert [told[0]["thinking"], told[1]["text"], told[2]["input"]] == [
        expected if kind == "thinking" else "I think.", expected if kind == "text" else "I say.",
        json.loads(expected) if kind == "partial_json" else {"a": "b"},
    ]  # fmt: skip
    assert got.stop_reason == "end_turn"


async def response(running, **more):
    body = {**RESPONSES.body(), **more}
    del body["stream"]
    async with running.sdk().responses.stream(**body) as stream:
        return await stream.get_final_response()


@pytest.mark.parametrize("before", ["", CLEAN])
async def test_a_response_that_is_denied(guarded, before):
    """Before its first event has left it is a whole one, later an incomplete one."""
    running, _ = await guarded(RESPONSES, streams(*RESPONSES.events([before, *BAD])))
    events = [event async for event in await running.sdk().responses.create(**RESPONSES.body(stream=True))]
    assert [event.sequence_number for event in events] == sorted(event.sequence_number for event in events)
    last = events[-1].response
    assert (last.output[-1].content[0].text, last.status) == (NO, "incomplete")
    assert "bluebird" not in last.model_dump_json()


@pytest.mark.parametrize("texts", [[CLEAN], ["half a sentence"]])
async def test_clients_that_leave(guarded, texts):
    """While something of a text has left, and while all of it is held back: nothing of the gateway stays behind."""
    running, upstream = await guarded(CHAT, stays_open(*CHAT.opening(), *map(CHAT.piece, texts)))
    client = await running.connect()
    await client.send(encode("POST", CHAT.path, json.dumps(CHAT.body(stream=True)).encode()))
    await client.head()
    await client.chunk()
    await client.close()
    await upstream.all_closed()
    await until(lambda: len(running.rows) == 1)
    assert running.rows[0].tokens.output > 0


@WIRE
async def test_a_stream_that_is_denied_is_left_and_counted(guarded, wire):
    """The provider would go on; what it has made is charged."""
    running, upstream = await guarded(wire, stays_open(*wire.opening(), *map(wire.piece, [CLEAN, BAD, ". More."])))
    assert NO.encode() in await raw(wire, running, stream=True)
    await upstream.all_closed()
    await until(lambda: len(running.rows) == 1)
    (row,) = running.rows
    assert (row.guard, row.status) == ("denied", 200)
    assert row.tokens.output > len(CLEAN) // 8
