"""The end of every chain: where a request goes, what of its headers goes there, and the reply that is made of the answer."""

import json

import pytest
from fakes import Answer, FakeUpstream, answer_json, chat, events, make_exchange

from aigw.core.errors import GatewayError, UpstreamError, UpstreamFault
from aigw.core.model import Origin, Route, Target
from aigw.pipeline.forward import Forward

RESET = UpstreamError(UpstreamFault.RESET, "reset")
ORIGIN = Origin("http", "up", 80)
SSE = {"content-type": "text/event-stream"}


def exchange(authority="up.test", **headers):
    route = Route("r", "", Target(ORIGIN, authority))
    return make_exchange(
        chat({"model": "m"}, headers={name.replace("_", "-"): value for name, value in headers.items()}), route=route
    )


async def replied(answer, *, judges_ends=False, **headers):
    reply = await Forward(FakeUpstream(answer), judges_ends=judges_ends)(found := exchange(**headers))
    return reply, found


async def test_a_route_that_goes_nowhere():
    with pytest.raises(
        GatewayError, match="'nowhere' has no upstream and no provider for /v1/chat/completions"
    ) as caught:
        await Forward(FakeUpstream())(make_exchange(chat({}), route=Route("nowhere")))
    assert (caught.value.status, caught.value.code) == (404, "no_upstream")


@pytest.mark.parametrize(("authority", "host"), [("up.test", "up.test"), ("", "client.test")])
async def test_as_a_plain_proxy_it_passes_on_what_is_not_the_connections(authority, host):
    upstream = FakeUpstream()
    await Forward(upstream)(exchange(authority, host="client.test", connection="x-mine", x_mine="1", x_other="2"))
    ((request, target),) = upstream.sent
    assert (target.origin, target.authority) == (ORIGIN, host)
    assert {"connection", "x-mine"}.isdisjoint(request.headers)
    assert request.headers["x-other"] == "2"


async def test_a_target_of_a_provider_gets_the_request_as_it_is():
    upstream, found = FakeUpstream(), exchange(connection="x-mine")
    found.target = Target(ORIGIN, "")
    await Forward(upstream)(found)
    ((request, target),) = upstream.sent
    assert (target.authority, request.headers["connection"]) == ("", "x-mine")


async def test_an_edited_body_is_what_is_sent():
    upstream, found = FakeUpstream(), exchange()
    found.request.document.set("model", "other")
    await Forward(upstream)(found)
    assert upstream.json() == {"model": "other"}


async def test_headers_of_the_upstreams_connection_stay_there():
    reply, _ = await replied(Answer(headers={"Connection": "x-mine", "x-mine": "1", "keep-alive": "5", "x-other": "2"}))
    assert dict(reply.headers) == {"x-other": "2"}


@pytest.mark.parametrize(
    ("answer", "streaming"),
    [(events({"a": 1}), True), (answer_json({}), False), (Answer(headers={**SSE, "content-encoding": "gzip"}), False),
     (Answer(status=500, headers=SSE), True)],
)  # fmt: skip
async def test_what_is_a_stream(answer, streaming):
    reply, _ = await replied(answer)
    assert (reply.streaming, reply.status) == (streaming, answer.status)


async def test_events_that_came_together_leave_together_whatever_cuts_them():
    pieces = [b"data: 1\n\ndata: 2\n\nda", b"ta: 3\n", b"\n"]
    reply, _ = await replied(Answer(headers=SSE, pieces=pieces))
    assert [[chunk.data for chunk in batch] async for batch in reply] == [[b"1", b"2"], [b"3"]]


async def test_a_stream_that_is_cut_keeps_the_bytes_that_came_where_ends_are_not_judged():
    reply, _ = await replied(Answer(headers=SSE, pieces=[b"data: 1\n\ndata: 2"]))
    assert await reply.body() == b"data: 1\n\ndata: 2"


async def test_an_answer_is_read_as_it_goes_by_unless_it_failed():
    body = {"choices": [], "usage": {"prompt_tokens": 3, "completion_tokens": 1, "total_tokens": 4}}
    for answer, tokens in ((events(body), 3), (answer_json(body), 3), (answer_json(body, 500), None)):
        reply, found = await replied(answer)
        await reply.body()
        assert found.answer.tokens.input == tokens


async def test_the_time_of_an_attempt_that_failed_counts_too():
    class Slow(FakeUpstream):
        now = 10.0

        def monotonic(self):
            return self.now

        async def send(self, request, target):
            self.now += 1.5
            return await super().send(request, target)

    upstream, found = Slow(Answer(error=UpstreamError(UpstreamFault.RESET, "gone")), answer_json({})), exchange()
    forward = Forward(upstream, upstream)
    with pytest.raises(UpstreamError):
        await forward(found)
    await forward(found)
    assert found.timing.waited == 3.0


def typed(body):
    return b"event: %b\ndata: %b" % (body["type"].encode(), json.dumps(body).encode())


END = {"choices": [{"index": 0, "delta": {"content": "a"}, "finish_reason": "stop"}]}
GOES_ON = {"choices": [{"index": 0, "delta": {"content": "a"}, "finish_reason": None}]}


@pytest.mark.parametrize(
    ("last", "whole"),
    [
        ((END, b"data: [DONE]"), True),
        ((END, b": bye"), True),
        ((END, b"\n"), True),
        ((END, b"data: [DO"), False),
        ((END, b"da"), False),
        ((END, b"event: x\n"), False),
        ((GOES_ON, b"data: [DONE]\n\n"), False),
        ((GOES_ON, b'data: {"choi'), False),
        ((GOES_ON,), False),
        (({"error": {"message": "no"}},), True),
    ],
)
async def test_how_a_stream_ended_is_judged_at_its_end(last, whole):
    reply, _ = await replied(events(*last, done=False), judges_ends=True)
    if whole:
        await reply.body()
        return
    received = []
    with pytest.raises(UpstreamError) as caught:
        async for batch in reply:
            received += [chunk.raw for chunk in batch]
    assert caught.value.fault is UpstreamFault.CUT_OFF
    assert all(event.endswith(b"\n\n") for event in received)


@pytest.mark.parametrize("behind", [RESET, b"data: {", b"da", b": wait\n\n", b"data: x\n\n"], ids=str)
async def test_what_comes_behind_the_last_event_is_of_no_account(behind):
    for between in ((), (b": bye\n\n",)):
        answer = events(END, done=True)
        answer.pieces += [*between, behind, RESET]
        reply, found = await replied(answer, judges_ends=True)
        received = await reply.body()
        assert received.startswith(b"".join(answer.pieces[:2]))
        assert b"{" not in received.partition(b"[DONE]")[2]
        assert found.answer.complete


STOPS = {"type": "message_stop"}
ENDINGS = {
    "[DONE]": ("/v1/chat/completions", (END,), b"data: [DONE]"),
    "text": ("/v1/completions", ({"choices": [{"index": 0, "text": "a", "finish_reason": "stop"}]},), b"data: [DONE]"),
    "message_stop": ("/v1/messages", ({"type": "message_start", "message": {}},
                     {"type": "message_delta", "delta": {"stop_reason": "end_turn"}}), typed(STOPS)),
    "completed": ("/v1/responses", ({"type": "response.output_text.delta", "delta": "a"},),
                  typed({"type": "response.completed", "response": {"status": "completed"}})),
    "incomplete": ("/v1/responses", (), typed({"type": "response.incomplete", "response": {"status": "incomplete"}})),
    "reason": ("/v1beta/models/g:streamGenerateContent", (), b'data: {"candidates":[{"finishReason":"STOP"}]}'),
}  # fmt: skip


@pytest.mark.parametrize("broken", [RESET, UpstreamError(UpstreamFault.PROTOCOL, "framing")], ids=["reset", "framing"])
@pytest.mark.parametrize("blank", [b"", b"\n", b"\r\n"])
@pytest.mark.parametrize("cut", [False, True])
@pytest.mark.parametrize("ending", ENDINGS)
async def test_a_last_event_without_its_blank_line_is_the_last_event_however_the_connection_ends(
    ending, cut, blank, broken
):
    path, sent, last = ENDINGS[ending]
    found = make_exchange(chat({"model": "m"}, path=path), route=Route("r", "", Target(ORIGIN, "up.test")))
    upstream = FakeUpstream(events(*sent, last[:-1] if cut else last + blank, broken, done=False))
    reply = await Forward(upstream, judges_ends=True)(found)
    if cut:
        with pytest.raises(UpstreamError):
            await reply.body()
        return
    received = await reply.body()
    assert received.endswith(last + b"\n\n")
    assert found.answer.complete


@pytest.mark.parametrize("last", [(), (b": bye\n\n",), (b"da",)])
@pytest.mark.parametrize("sent", [(GOES_ON,), (END,), (GOES_ON, b"data: [DONE]\n\n")])
async def test_a_stream_that_breaks_before_its_last_event_has_failed(sent, last):
    reply, _ = await replied(events(*sent, *last, RESET, done=False), judges_ends=True)
    with pytest.raises(UpstreamError, match="reset"):
        await reply.body()


GEMINI = "/v1beta/models/g:streamGenerateContent"


def said(**end):
    return {"candidates": [{"content": {"parts": [{"text": "a"}]}, **end}]}


@pytest.mark.parametrize("framing", [{"content-length": "1"}, {"transfer-encoding": "chunked"}, {}], ids=str)
@pytest.mark.parametrize(
    ("sent", "whole"),
    [
        ((said(),), False),
        ((said(), said(finishReason="STOP")), True),
        ((said(finishReason="FINISH_REASON_UNSPECIFIED"),), False),
        (({"promptFeedback": {"blockReason": "SAFETY"}},), True),
        ((said(), {"usageMetadata": {"promptTokenCount": 3}}), False),
        ((said(finishReason="STOP"), RESET), True),
        ((said(), RESET), False),
    ],
)
async def test_a_gemini_stream_without_a_reason_for_its_end_was_cut_off(sent, whole, framing):
    answer = events(*sent, done=False)
    answer.headers |= framing
    found = make_exchange(chat({"contents": []}, path=GEMINI), route=Route("r", "", Target(ORIGIN, "up.test")))
    reply = await Forward(FakeUpstream(answer), judges_ends=True)(found)
    if whole:
        assert b"STOP" in await reply.body() or b"SAFETY" in str(sent).encode()
        return
    with pytest.raises(UpstreamError):
        await reply.body()


async def test_a_stream_of_an_unknown_format_has_no_end_that_could_be_known():
    for last, fails in (((), False), ((RESET,), True)):
        answer = events({"text": "a"}, *last, done=False)
        found = make_exchange(
            chat({}, path="/v1/audio/transcriptions"), route=Route("r", "", Target(ORIGIN, "up.test"))
        )
        reply = await Forward(FakeUpstream(answer), judges_ends=True)(found)
        if fails:
            with pytest.raises(UpstreamError):
                await reply.body()
        else:
            await reply.body()
