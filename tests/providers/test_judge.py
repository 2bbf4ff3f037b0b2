"""Which answers of status 200 have failed: each moves on to the next provider, and is an error with a status where there
is none."""

import json

import pytest
from ai_proxy_world import COMPLETION, HELLO, OPENAI, RESET, STREAM, TWO, delta, once, proxy
from fakes import Answer, FakeUpstream, answer_json, chat, events

from aigw.core.errors import UpstreamError

ROLE = {"choices": [{"index": 0, "delta": {"role": "assistant", "content": ""}, "finish_reason": None}]}
OVERLOADED = {"error": {"message": "busy", "code": 529}}
SSE = {"content-type": "text/event-stream"}
PLAIN = {
    "no choices": (answer_json({"id": "x"}), 502),
    "empty choices": (answer_json({"choices": []}), 502),
    "empty": (Answer(pieces=[]), 502),
    "cut": (Answer(pieces=[b'{"choices":[{"mess']), 502),
    "page": (Answer(headers={"content-type": "text/html"}, pieces=[b"<html>no</html>"]), 502),
    "error": (answer_json(OVERLOADED), 529),
    "object error": (answer_json({"object": "error", "message": "busy", "code": 404}), 404),
    "base_resp": (answer_json({"base_resp": {"status_code": 1002, "status_msg": "busy"}}), 502),
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


async def test_content_is_the_point_of_no_return():
    upstream = FakeUpstream(events(ROLE, delta("a"), OVERLOADED))
    async with proxy(TWO, upstream) as send:
        received = await (await send(chat(STREAM))).body()
    assert len(upstream.sent) == 1
    assert b'"busy"' in received


async def test_higress_passes_the_failure_on():
    _, reply, received = await once({"provider": OPENAI}, chat(HELLO), answer_json(OVERLOADED), fidelity="higress")
    assert (reply.status, json.loads(received)) == (200, OVERLOADED)
