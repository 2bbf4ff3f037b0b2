"""Streams and plain bodies are judged by one rule, whatever is null, absent or empty in them, in any content coding."""

import gzip
import json
import zlib

import brotli
import pytest
from ai_proxy_world import CALLS, COMPLETION, CREATED, HELLO, OVERLOADED, ROLE, STARTED, STREAM, TWO, delta, once
from backports import zstd
from fakes import answer_json, chat, events

from aigw.core.errors import UpstreamError

ABSENT = object()
CALL = {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}
USER = {"role": "assistant"}


def member(name, value):
    return {} if value is ABSENT else {name: value}


def chat_of(said, end):
    choice = {"index": 0, "finish_reason": end}
    return [
        {"choices": [{**choice, **member("message", said)}]},
        [{"choices": [{**choice, **member("delta", said)}]}, DONE],
    ]


def text_of(said, end):
    body = {"choices": [{"index": 0, "finish_reason": end, **member("text", said)}]}
    return [body, [body, DONE]]


def message_of(said, end):
    content = member("content", said)
    body = {"type": "message", "role": "assistant", **content, "stop_reason": end}
    blocks = enumerate(said if isinstance(said, list) else [])
    started = [{"type": "content_block_start", "index": at, "content_block": block} for at, block in blocks]
    delta = {"type": "message_delta", "delta": {"stop_reason": end}}
    return [body, [STARTED, *started, delta, {"type": "message_stop"}]]


def response_of(said, end):
    body = {"object": "response", "id": "r", "status": end, **member("output", said)}
    return [body, [CREATED, {"type": f"response.{end}", "response": body}]]


def gemini_of(said, end):
    body = {"candidates": [{**member("content", said), "finishReason": end}]}
    return [body, [body]]


def native_of(said, end):
    body = {"output": {"choices": [{**member("message", said), "finish_reason": end}]}}
    return [body, [body]]


def native_text_of(said, end):
    body = {"output": {**member("text", said), "finish_reason": end}}
    return [body, [body]]


DONE = b"data: [DONE]\n\n"
ENDS = ("stop", "length", "content_filter")
PARTS = [
    None,
    ABSENT,
    {},
    {"parts": None},
    {"parts": []},
    {"parts": [{}]},
    {"parts": [{"text": ""}]},
    {"parts": [{"text": "a"}]},
]
SAID = [None, ABSENT, {}, {"content": None}, {"content": ""}, {"content": "a"}, USER, {**USER, "content": None}, "x", [], 5,
        {**USER, "content": ""}, {"tool_calls": [CALL]}, {"tool_calls": []}, {"refusal": "no"}, {"reasoning_content": "a"}]  # fmt: skip
BLOCKS = [[], [{"type": "text", "text": ""}], [{"type": "text", "text": "a"}]]
FORMS = {
    "chat": ("chat", chat_of, SAID, ENDS),
    "text": ("completions", text_of, [None, ABSENT, "", "a"], ENDS),
    "messages": ("messages", message_of, BLOCKS, ("end_turn", "max_tokens", "refusal")),
    "responses": ("responses", response_of, [None, ABSENT, [], [{}], "x", [{"type": "message", "content": []}]],
                  ("completed", "incomplete", "failed", "cancelled")),
    "gemini": ("gemini", gemini_of, PARTS, ("STOP", "SAFETY")),
    "native": ("native", native_of, SAID, ENDS),
    "native text": ("native", native_text_of, [None, ABSENT, "", "a"], ENDS),
}  # fmt: skip
"""By name: the call, both forms of an answer, what may be said in it, and why it may end."""
CODINGS = {"": bytes, "gzip": gzip.compress, "deflate": zlib.compress, "br": brotli.compress, "zstd": zstd.compress,
           "br, gzip": lambda data: gzip.compress(brotli.compress(data))}  # fmt: skip


async def is_answer(name, sent, coding, *, stream):
    provider, path, body = CALLS[name]
    if name == "gemini":
        path, stream = path.replace(":g", ":streamG") if stream else path, False
    request = chat({**body, "stream": True} if stream else body, path=path)
    request.query = "alt=sse" if "stream" in path else ""
    answer = events(*sent, done=False) if isinstance(sent, list) else answer_json(sent)
    answer.headers |= {"content-encoding": coding} if coding else {}
    answer.pieces = [CODINGS[coding](b"".join(answer.pieces))]
    try:
        await once({"provider": provider}, request, answer)
    except UpstreamError:
        return False
    return True


@pytest.mark.parametrize("coding", ["", "zstd"])
@pytest.mark.parametrize("form", FORMS)
async def test_a_stream_is_an_answer_where_a_plain_body_is(form, coding):
    name, made, said, ends = FORMS[form]
    verdicts = {}
    for each in said:
        for end in ends:
            plain, stream = made(each, end)
            got = (
                await is_answer(name, plain, coding, stream=False),
                await is_answer(name, stream, coding, stream=True),
            )
            verdicts.setdefault(got, []).append((each if each is not ABSENT else "absent", end))
    assert {each: verdicts.get(each) for each in ((True, False), (False, True))} == {
        (True, False): None,
        (False, True): None,
    }
    if form == "chat":
        assert (None, "stop") in verdicts[False, False] and ({"content": "a"}, "stop") in verdicts[True, True]


@pytest.mark.parametrize("coding", CODINGS)
@pytest.mark.parametrize("stream", [False, True])
async def test_an_error_in_a_coded_answer_moves_on(stream, coding):
    good = events(delta("from b", "stop")) if stream else answer_json(COMPLETION)
    bad = events(ROLE, OVERLOADED) if stream else answer_json(OVERLOADED)
    bad.headers |= {"content-encoding": coding} if coding else {}
    bad.pieces = [CODINGS[coding](b"".join(bad.pieces))]
    upstream, reply, _ = await once(TWO, chat(STREAM if stream else HELLO), bad, good)
    assert (len(upstream.sent), reply.status) == (2, 200)


@pytest.mark.parametrize("coding", ["gzip", "br", "zstd", "deflate"])
async def test_a_stream_that_is_not_in_the_coding_that_it_names_moves_on(coding):
    bad = events(ROLE, delta("from a", "stop"))
    bad.headers |= {"content-encoding": coding}
    upstream, _, body = await once(TWO, chat(STREAM), bad, events(delta("from b", "stop")))
    assert (len(upstream.sent), b"from b" in body) == (2, True)


@pytest.mark.parametrize("end", [{"message": None}, {"delta": None}, {}, {"message": USER}])
async def test_an_end_without_a_delta_does_not_say_that_an_empty_answer_is_meant(end):
    last = {"choices": [{"index": 0, "finish_reason": "stop", **end}]}
    assert not await is_answer("chat", [ROLE, last, DONE], "", stream=True)
    assert await is_answer("chat", [ROLE, delta("a"), last, DONE], "", stream=True)


SAYS = {"candidates": [{"content": {"parts": [{"text": "a"}]}, "finishReason": "STOP"}]}
OPENS = {"usageMetadata": {"promptTokenCount": 3}}
EXHAUSTED = {"error": {"code": 429, "message": "busy", "status": "RESOURCE_EXHAUSTED"}}
ARRAYS = {
    "error first": ([EXHAUSTED], 429),
    "error after what opens": ([OPENS, EXHAUSTED], 429),
    "an object": (EXHAUSTED, 429),
    "another shape": ([{"code": 429, "message": "busy"}], 429),
    "failed": ([{"candidates": [{"finishReason": "MALFORMED_RESPONSE"}]}], 502),
    "no element": ([], 502),
    "no answer": ([OPENS], 502),
    "page": (b"<html>no</html>", 502),
    "empty": (b"", 502),
    "cut": (b'[{"candidates":[{"content"', 502),
}
GEMINIS = {"providers": [{"id": "a", "type": "gemini", "apiTokens": ["k"]}, {"id": "b", "type": "gemini", "apiTokens": ["k"]}],
           "activeProviderId": "a", "fallback": ["b"]}  # fmt: skip


def in_array(sent, coding):
    answer = answer_json({})
    raw = sent if isinstance(sent, bytes) else json.dumps(sent).encode()
    answer.headers |= {"content-encoding": coding} if coding else {}
    raw = CODINGS[coding](raw)
    answer.pieces = [raw[at : at + 7] for at in range(0, len(raw), 7)]
    return answer


def asking_for_array():
    provider, path, body = CALLS["gemini"]
    return provider, chat(body, path=path.replace(":g", ":streamG"))


@pytest.mark.parametrize("coding", CODINGS)
@pytest.mark.parametrize("name", ARRAYS)
async def test_an_array_that_failed_moves_on(name, coding):
    sent, status = ARRAYS[name]
    provider, request = asking_for_array()
    upstream, _, received = await once(GEMINIS, request, in_array(sent, coding), in_array([SAYS], ""))
    assert (len(upstream.sent), json.loads(received)) == (2, [SAYS])
    with pytest.raises(UpstreamError) as caught:
        await once({"provider": provider}, asking_for_array()[1], in_array(sent, coding))
    assert caught.value.status == status


@pytest.mark.parametrize("coding", CODINGS)
@pytest.mark.parametrize(
    "sent", [[SAYS], [OPENS, SAYS], [{"promptFeedback": {"blockReason": "SAFETY"}}], [SAYS, EXHAUSTED]]
)
async def test_an_array_with_an_answer_passes(sent, coding):
    provider, request = asking_for_array()
    answer = in_array(sent, coding)
    upstream, reply, received = await once({"provider": provider}, request, answer)
    assert (len(upstream.sent), reply.status) == (1, 200)
    assert received == b"".join(answer.pieces)


ODD = ['"busy"', "5", "[1]", '{"type":"ping"}', "busy", '{"status":"processing","message":"wait"}']


@pytest.mark.parametrize("odd", ODD)
async def test_events_of_an_unknown_shape_amid_the_content_are_no_failure(odd):
    note = f"data: {odd}\n\n".encode()
    sent = [ROLE, note, delta("a"), note, delta("b", "stop"), DONE]
    _, reply, received = await once({"provider": CALLS["chat"][0]}, chat(STREAM), events(*sent, done=False))
    assert (reply.status, received) == (200, b"".join(events(*sent, done=False).pieces))
    _, reply, received = await once({"provider": CALLS["chat"][0]}, chat(HELLO), events(*sent, done=False))
    assert json.loads(received)["choices"][0]["message"]["content"] == "ab"


async def test_a_plain_answer_is_not_made_of_a_stream_that_failed():
    good = answer_json(COMPLETION)
    upstream, _, received = await once(TWO, chat(HELLO), events(delta("half"), OVERLOADED), good)
    assert (len(upstream.sent), b"yo" in received) == (2, True)
    with pytest.raises(UpstreamError) as caught:
        await once({"provider": CALLS["chat"][0]}, chat(HELLO), events(delta("half", "stop"), OVERLOADED))
    assert caught.value.status == 529
