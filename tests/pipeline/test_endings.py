"""What leaves of a body before its end is known, and what does not if it was cut off."""

import gzip

import pytest
from fakes import Answer, FakeUpstream, chat, make_exchange

from aigw.core.errors import UpstreamError, UpstreamFault
from aigw.core.model import Origin, Request, Route, Target
from aigw.pipeline.forward import Forward

RESET = UpstreamError(UpstreamFault.RESET, "reset")
JSON = {"content-type": "application/json"}
ROUTE = Route("r", "", Target(Origin("http", "up", 80), "up.test"))


async def read(answer, request=None):
    """What left, and what was raised."""
    reply = await Forward(FakeUpstream(answer), judges_ends=True)(make_exchange(request or chat({}), route=ROUTE))
    out = []
    try:
        async for batch in reply:
            out.append(b"".join(chunk.raw for chunk in batch))  # noqa: PERF401  what came before an error counts
    except UpstreamError as error:
        return reply, out, error.fault
    return reply, out, None


@pytest.mark.parametrize(
    ("pieces", "left", "fault"),
    [
        ([b'{"a":', b'"}"', b"}"], [b'{"a":', b'"}"', b"}"], None),
        ([b'{"a":', b'"}"'], [b'{"a":'], UpstreamFault.CUT_OFF),
        ([b'{"a":1'], [], UpstreamFault.CUT_OFF),
        ([b"<html>{"], [b"<html>{"], None),
        ([b"data: 1\n\ndata: {"], [], UpstreamFault.CUT_OFF),
    ],
)
async def test_the_last_piece_of_a_body_waits_until_it_is_whole(pieces, left, fault):
    reply, out, raised = await read(Answer(headers=JSON, pieces=pieces))
    assert (out, raised, reply.in_array) == (left, fault, False)


FINISHED = b'[{"candidates":[{"content":{"parts":[{"text":"a"}]},"finishReason":"STOP"}]}'
GOES_ON = FINISHED.replace(b',"finishReason":"STOP"', b"")


@pytest.mark.parametrize(
    ("pieces", "fault"),
    [
        ([FINISHED, b"]"], None),
        ([FINISHED + b"]"], None),
        ([FINISHED], UpstreamFault.RESET),
        ([GOES_ON, b"]"], UpstreamFault.RESET),
    ],
)
async def test_it_does_not_matter_how_the_connection_of_a_finished_array_ends(pieces, fault):
    request = chat({}, path="/v1beta/models/g:streamGenerateContent")
    _, out, raised = await read(Answer(headers=JSON, pieces=[*pieces, RESET]), request)
    assert raised == fault
    assert fault or b"".join(out) == b"".join(pieces)


ENDED = b'data: {"choices":[{"index":0,"delta":{"content":"a"},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n'


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/audio/transcriptions"])
@pytest.mark.parametrize("body", [ENDED, ENDED.replace(b'"stop"', b"null")])
@pytest.mark.parametrize("cut", [0, 1])
async def test_it_does_not_matter_how_the_connection_of_a_finished_coded_stream_ends(path, body, cut):
    raw = gzip.compress(body)
    headers = {"content-type": "text/event-stream", "content-encoding": "gzip"}
    pieces = [raw[: len(raw) - cut], RESET]
    _, out, raised = await read(Answer(headers=headers, pieces=pieces), chat({}, path=path))
    whole = body == ENDED and not cut and path.startswith("/v1/chat")
    assert raised == (None if whole else UpstreamFault.RESET)
    assert b"".join(out) == pieces[0]


async def test_lines_of_json_leave_when_they_come():
    lines = [b'{"a":1}\n', b'{"b":']
    headers = {"content-type": "application/x-ndjson", "content-length": "13"}
    reply, out, raised = await read(Answer(headers=headers, pieces=lines))
    assert (out, raised, "content-length" in reply.headers) == (lines, UpstreamFault.CUT_OFF, False)


async def test_an_answer_to_head_has_no_body():
    _, out, raised = await read(Answer(headers=JSON, pieces=[]), Request("HEAD", "/v1/models", "", chat({}).headers))
    assert (out, raised) == ([], None)


@pytest.mark.parametrize(
    ("pieces", "left", "fault"),
    [
        ([b"[", b'{"a":1}', b",", b'{"b":2}]'], [b'[{"a":1}', b',{"b":2}]'], None),
        ([b'[{"a":1}', b',{"b"', b":2},", b'{"c"'], [b'[{"a":1}', b',{"b":2}'], UpstreamFault.CUT_OFF),
        ([b'[{"a":1},\n'], [b'[{"a":1}'], UpstreamFault.CUT_OFF),
        ([b"["], [], UpstreamFault.CUT_OFF),
        ([], [], UpstreamFault.CUT_OFF),
        ([b"[]"], [b"[]"], None),
    ],
)
async def test_only_whole_elements_of_an_array_leave(pieces, left, fault):
    path = "/v1beta/models/g:streamGenerateContent"
    request = chat({})
    request.path = path
    reply, out, raised = await read(Answer(headers=JSON, pieces=pieces), request)
    assert reply.in_array
    assert (b"".join(out), raised) == (b"".join(left), fault)
