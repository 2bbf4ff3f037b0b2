"""Which answers of status 200 have failed: each moves on to the next provider, and is an error with a status where there
is none."""

import gzip
import json

import pytest
from ai_proxy_world import (
    CALLS,
    CLAUDE,
    COMPLETION,
    CREATED,
    GEMINI,
    HELLO,
    OPENAI,
    OVERLOADED,
    QWEN,
    RESET,
    ROLE,
    STARTED,
    STREAM,
    TWO,
    delta,
    once,
    proxy,
)  # fmt: skip
from fakes import Answer, FakeUpstream, answer_json, chat, events

from aigw.core.errors import UpstreamError, UpstreamFault

SSE = {"content-type": "text/event-stream"}
JSON = {"content-type": "application/json"}
UNKNOWN = (
    "{}",
    "null",
    "[]",
    "5",
    "busy",
    "",
    '{"message":"busy"}',
    '{"Response":{"Error":{"Code":"X"}}}',
    '{"ret":-1,"msg":"busy"}',
    '{"header":{"code":10013,"message":"busy"}}',
    '{"ErrorMsg":{"Msg":"busy","Code":2001}}',
    '{"type":"server_error","message":"busy"}',
    '{"code":"InternalError","message":""}',
    '{"Message":"busy"}',
)
"""The data of events that say neither a content nor, in any way that is known, a failure."""


def together(*payloads):
    """The events in one piece."""
    return Answer(headers=SSE, pieces=[b"".join(b"data: %b\n\n" % json.dumps(each).encode() for each in payloads)])


PLAIN = {
    "no choices": (answer_json({"id": "x"}), 502),
    "empty choices": (answer_json({"choices": []}), 502),
    "empty": (Answer(pieces=[]), 502),
    "cut": (Answer(pieces=[b'{"choices":[{"mess']), 502),
    "page": (Answer(headers={"content-type": "text/html"}, pieces=[b"<html>no</html>"]), 502),
    "error": (answer_json(OVERLOADED), 529),
    "object error": (answer_json({"object": "error", "message": "busy", "code": 404}), 404),
    "base_resp": (answer_json({"base_resp": {"status_code": 1002, "status_msg": "busy"}}), 429),
    "error of a choice": (answer_json({"choices": [{"message": {"content": "half"}, "error": {"code": 503}}]}), 503),
    "error of a message": (answer_json({"choices": [{"message": {"content": None, "error": {"code": 503}}}]}), 503),
    "no message": (answer_json({"choices": [{"index": 0, "message": None, "finish_reason": "stop"}]}), 502),
    "no content": (Answer(status=204, pieces=[]), 502),
    "accepted": (answer_json({"id": "x", "status": "queued"}, 202), 502),
    "moved": (Answer(status=302, headers={"location": "https://login.example"}, pieces=[]), 502),
    "coded page": (Answer(headers={"content-encoding": "gzip"}, pieces=[gzip.compress(b"<html>no</html>")]), 502),
    "corrupt coding": (Answer(headers=JSON | {"content-encoding": "gzip"}, pieces=[b"garbage"]), 502),
    "stream without end": (events(ROLE, delta("half"), done=False), 502),
}
STREAMS = {
    "error first": (events(OVERLOADED), 529),
    "error after the role": (events(ROLE, OVERLOADED), 529),
    "nothing": (Answer(headers=SSE, pieces=[]), 502),
    "done only": (events(), 502),
    "role only": (events(ROLE), 502),
    "reset after the role": (Answer(headers=SSE, pieces=[json.dumps(ROLE).join(["data: ", "\n\n"]).encode(), RESET]), 502),
    "page": (Answer(headers={"content-type": "text/html"}, pieces=[b"<html>no</html>"]), 502),
    "error in JSON": (answer_json(OVERLOADED), 529),
    "flat error": (events(ROLE, {"code": "Throttling.RateQuota", "message": "busy"}), 429),
    "flat error with the role": (together(ROLE, {"code": "Throttling.RateQuota", "message": "busy"}), 429),
    "base_resp with the role": (together(ROLE, {"base_resp": {"status_code": 1002, "status_msg": "busy"}}), 429),
    "base_resp beside choices": (events({"choices": None, "base_resp": {"status_code": "1002"}}), 429),
    "error in an array": (events([OVERLOADED]), 529),
    "error of a choice": (events(ROLE, {"choices": [{"index": 0, "delta": {}, "error": {"code": 503}}]}), 503),
    "error of a delta": (events({"choices": [{"index": 0, "delta": {"error": {"code": 503}}}]}), 503),
    "comment, then error": (events(b": wait\n\n", OVERLOADED), 529),
    "comments only": (Answer(headers=SSE, pieces=[b": wait\n\n"] * 3), 502),
    "event named error": (Answer(headers=SSE, pieces=[b'event: error\ndata: {"message":"busy"}\n\n']), 502),
    "event named error of text": (Answer(headers=SSE, pieces=[b"event: error\r\ndata: busy\r\n\r\n"]), 502),
    **{f"only {shape}": (Answer(headers=SSE, pieces=[f"data: {shape}\n\n".encode()]), 502) for shape in UNKNOWN},
}  # fmt: skip
STREAMS |= {
    f"{name}, gzip": (Answer(headers=SSE | {"content-encoding": "gzip"}, pieces=[gzip.compress(b"".join(one.pieces))]), status)
    for name, (one, status) in STREAMS.items()
    if one.headers == SSE and not any(isinstance(piece, Exception) for piece in one.pieces)
}  # fmt: skip
CASES = [(HELLO, each, name) for name, each in PLAIN.items()] + [(STREAM, each, name) for name, each in STREAMS.items()]
IDS = [f"{'stream' if asked is STREAM else 'plain'} {name}" for asked, _, name in CASES]


@pytest.mark.parametrize(("asked", "case", "name"), CASES, ids=IDS)
async def test_a_failure_in_an_answer_moves_on(asked, case, name):
    good = events(delta("from b", "stop")) if asked is STREAM else answer_json(COMPLETION)
    upstream, reply, received = await once(TWO, chat(asked), case[0], good)
    assert (len(upstream.sent), reply.status) == (2, 200)
    assert (b"from b" if asked is STREAM else b"yo") in received
    assert all(body.closed for body in upstream.bodies)


@pytest.mark.parametrize(("asked", "case", "name"), CASES, ids=IDS)
async def test_it_is_an_error_with_a_status_where_nothing_is_left(asked, case, name):
    with pytest.raises(UpstreamError) as caught:
        await once({"provider": OPENAI}, chat(asked), case[0])
    assert caught.value.status == case[1]


FAMILIES = {
    "messages": (CLAUDE, "/v1/messages", {"model": "m", "max_tokens": 9, **STREAM}, STARTED),
    "responses": (OPENAI, "/v1/responses", {"model": "m", "input": "hi", "stream": True}, CREATED),
    "gemini": (GEMINI, "/v1beta/models/m:streamGenerateContent", {"contents": [{"parts": [{"text": "hi"}]}]},
               {"candidates": [{"content": {"role": "model", "parts": []}}]}),
    "qwen": (QWEN, "/v1/chat/completions", STREAM, {"output": {"choices": [{"message": {"content": ""}}]}}),
}  # fmt: skip


@pytest.mark.parametrize(
    "data", [*UNKNOWN, json.dumps({"code": "Throttling", "message": "busy"}), "[DONE]", '{"detail":"busy"}']
)
@pytest.mark.parametrize("opened", [False, True], ids=["first", "after what opens"])
@pytest.mark.parametrize("family", FAMILIES)
async def test_a_stream_of_any_format_without_an_answer_has_failed(family, opened, data):
    provider, path, body, opening = FAMILIES[family]
    head = b"data: %b\n\n" % json.dumps(opening).encode() if opened else b""
    asked = chat(body, path=path)
    asked.query = "alt=sse" if family == "gemini" else ""
    with pytest.raises(UpstreamError) as caught:
        await once({"provider": provider}, asked, Answer(headers=SSE, pieces=[head + f"data: {data}\n\n".encode()]))
    assert caught.value.status == (429 if "Throttling" in data else 502)


async def test_what_the_provider_said_is_told():
    with pytest.raises(UpstreamError, match="ended its answer before it was complete: upstream is busy"):
        await once({"provider": OPENAI}, chat(STREAM), Answer(headers=SSE, pieces=[b"data: upstream is busy\n\n"]))


async def test_a_stream_that_stalls_after_some_words_is_told_as_one_that_stalled():
    stalls = UpstreamError(UpstreamFault.IDLE_TIMEOUT, "nothing more")
    with pytest.raises(UpstreamError, match=r"^nothing more: queued$") as caught:
        await once({"provider": OPENAI}, chat(STREAM), Answer(headers=SSE, pieces=[b"data: queued\n\n", stalls]))
    assert (caught.value.status, caught.value.answer().code) == (504, "upstream_idle_timeout")


AS_TEXT = {"choices": [{"index": 0, "text": "yo", "finish_reason": "stop"}]}
RESPONSE = {"object": "response", "id": "r", "status": "completed"}
NOTHING = {
    "chat": [{"choices": [{}]}, {"choices": [{"message": {}, "finish_reason": "stop"}]}, {"choices": "x"}, AS_TEXT, RESPONSE,
             {"choices": [{"message": {"role": "assistant", "content": None}}]}, {"choices": [{"finish_reason": "stop"}]}],
    "completions": [{"choices": [{}]}, {"choices": [{"text": ""}]}, {"choices": [{"text": None, "finish_reason": "stop"}]},
                    COMPLETION],
    "responses": [{"id": "x", **COMPLETION}, RESPONSE, *({**RESPONSE, "output": each} for each in (None, [], [{}], "x")),
                  {**RESPONSE, "status": "cancelled", "output": [{"type": "message"}]}, {**RESPONSE, "status": "failed"}],
    "messages": [COMPLETION, {"type": "message", "content": []}, {"content": [{}]}, {"content": "x"}, {"type": "message"}],
    "gemini": [{}, {"candidates": []}, {"candidates": [{}]}, {"promptFeedback": {}}, {"usageMetadata": {}}, COMPLETION,
               {"candidates": [{"content": {"role": "model"}}]}, {"promptFeedback": {"safetyRatings": [{}]}}],
    "embeddings": [{}, {"data": []}, {"data": None}, {"data": [{}]}, {"data": [{"embedding": []}]}, {"data": 5}, COMPLETION,
                   {"data": [{"object": "embedding", "embedding": None}]}],
    "embed": [{}, []],
}  # fmt: skip
"""Answers in which clients of the API find nothing."""
LITTLE = {
    "chat": [{"choices": [{"message": {"role": "assistant"}, "finish_reason": "length"}]},
             {"choices": [{"message": {"content": "", "tool_calls": [{"id": "c"}]}}]},
             {"choices": [{"message": None, "finish_reason": "content_filter"}]}],
    "completions": [{"choices": [{"text": "", "finish_reason": "length"}]}, AS_TEXT],
    "responses": [{**RESPONSE, "status": each, "output": []} for each in ("queued", "in_progress", "incomplete")],
    "messages": [{"type": "message", "content": [], "stop_reason": "end_turn"}, {"content": [{"type": "text", "text": "a"}]}],
    "gemini": [{"promptFeedback": {"blockReason": "SAFETY"}}, {"candidates": [{"finishReason": "MAX_TOKENS"}]},
               {"candidates": [{"content": {"parts": [{"text": "a"}]}}]}],
    "embeddings": [{"data": [{"embedding": [1.0]}]}, {"data": [{"embedding" : "AACAPw=="}]}],
    "embed": [{"embedding": {"values": [1.0]}}],
}  # fmt: skip
"""Answers that have little, but what a provider means."""


def answers_of(table):
    return [
        pytest.param(*CALLS[name], each, id=f"{name} {number}")
        for name in table
        for number, each in enumerate(table[name])
    ]


@pytest.mark.parametrize(("provider", "path", "body", "answer"), answers_of(NOTHING))
async def test_a_plain_answer_in_which_clients_find_nothing_has_failed(provider, path, body, answer):
    with pytest.raises(UpstreamError) as caught:
        await once({"provider": provider}, chat(body, path=path), answer_json(answer))
    assert caught.value.status == 502


@pytest.mark.parametrize(("provider", "path", "body", "answer"), answers_of(LITTLE))
async def test_an_answer_that_means_what_little_it_says(provider, path, body, answer):
    _, reply, received = await once({"provider": provider}, chat(body, path=path), answer_json(answer))
    assert (reply.status, json.loads(received)) == (200, answer)


ENDING = {"choices": [{"index": 0, "text": "", "finish_reason": "stop"}]}
COMPLETED = {"type": "response.completed", "response": {"id": "r", "status": "completed", "output": []}}
EMPTY_STREAMS = {
    "chat as text": ("chat", [{"choices": [{"index": 0, "text": "yo"}]}, ENDING, b"data: [DONE]\n\n"]),
    "text as chat": ("completions", [ROLE, delta("yo"), delta("", "stop"), b"data: [DONE]\n\n"]),
    "completed without output": ("responses", [CREATED, COMPLETED]),
    "completed without a response": ("responses", [CREATED, {"type": "response.completed"}]),
    "cancelled": ("responses", [CREATED, {"type": "response.cancelled", "response": {"status": "cancelled"}}]),
    "cancelled without a response": ("responses", [CREATED, {"type": "response.cancelled"}]),
    "stopped at once": ("messages", [STARTED, {"type": "message_stop"}]),
}


@pytest.mark.parametrize(("name", "sent"), EMPTY_STREAMS.values(), ids=EMPTY_STREAMS.keys())
async def test_a_stream_in_which_clients_find_nothing_has_failed(name, sent):
    provider, path, body = CALLS[name]
    for pieces in (sent, [b"".join(events(*sent, done=False).pieces)]):
        with pytest.raises(UpstreamError) as caught:
            await once({"provider": provider}, chat({**body, "stream": True}, path=path), events(*pieces, done=False))
        assert caught.value.status == 502


async def test_a_completed_response_may_tell_its_output_before():
    sent = [CREATED, {"type": "response.output_text.delta", "delta": "a"}, COMPLETED]
    _, _, received = await once(
        {"provider": OPENAI}, chat({**STREAM, "input": "hi"}, path="/v1/responses"), events(*sent, done=False)
    )
    assert received == b"".join(events(*sent, done=False).pieces)


async def test_content_is_the_point_of_no_return():
    upstream = FakeUpstream(events(ROLE, delta("a"), OVERLOADED))
    async with proxy(TWO, upstream) as send:
        received = await (await send(chat(STREAM))).body()
    assert len(upstream.sent) == 1
    assert b'"busy"' in received


async def test_higress_passes_the_failure_on():
    _, reply, received = await once({"provider": OPENAI}, chat(HELLO), answer_json(OVERLOADED), fidelity="higress")
    assert (reply.status, json.loads(received)) == (200, OVERLOADED)
