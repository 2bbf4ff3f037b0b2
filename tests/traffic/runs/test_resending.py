"""Sending a run again: in which order and when, and what a client reads of the answers."""

import asyncio
import json

import pytest
from fakes import Answer, FakeClock, FakeUpstream, answer_json, events
from recorded_calls import chat_call, said, user, written

from aigw.core.errors import UpstreamError, UpstreamFault
from aigw.core.model import Origin, Target
from aigw.core.tokens import Tokens
from aigw.traffic.format.call import Sent
from aigw.traffic.format.folder import RecordingError
from aigw.traffic.runs.client_calls import read_run
from aigw.traffic.runs.resending import Pace, ask, resend

TARGET = Target(Origin("http", "127.0.0.1", 1), "llm")
SENT = Sent("POST", "/v1/chat/completions", "", (("content-type", "application/json"),), b'{"model":"m","messages":[]}')
MESSAGE = {"choices": [{"message": {"content": "Hi"}, "finish_reason": "stop"}], "usage": {"prompt_tokens": 3, "completion_tokens": 4}}  # fmt: skip


class Sleeping:
    """A clock that sleeping moves on."""

    def __init__(self):
        self.clock = FakeClock(0.0)
        self.slept = []

    async def sleep(self, seconds):
        self.slept.append(seconds)
        self.clock.now += seconds


@pytest.fixture
def sessions(tmp_path):
    """Two sessions: calls at 0 s and 60 s, and one at 10 s."""
    named = [("a", 0), ("b", 10), ("a", 60)]
    calls = [
        (chat_call(user(f"{name} at {at}"), headers=(("x-aigw-session", name),))._replace(at=float(at)), said("x"))
        for name, at in named
    ]
    return read_run(written(tmp_path, *calls)).sessions


async def sent_by(sessions, *, speed=0.0, concurrency=1):
    sleeping, sent = Sleeping(), []

    async def send(call):
        sent.append((round(sleeping.clock.now, 3), call.session))
        await asyncio.sleep(0)

    await resend(sessions, send, Pace(sleeping.clock, sleeping.sleep, speed), concurrency=concurrency)
    return sent


async def test_without_gaps_one_session_after_the_other(sessions):
    assert await sent_by(sessions) == [(0, "a"), (0, "a"), (0, "b")]


async def test_sessions_go_side_by_side(sessions):
    assert await sent_by(sessions, concurrency=2) == [(0, "a"), (0, "b"), (0, "a")]


@pytest.mark.parametrize(("speed", "later"), [(1, 60), (10, 6)])
async def test_gaps_are_kept(sessions, speed, later):
    assert await sent_by(sessions, speed=speed) == [(0, "a"), (later, "a"), (later, "b")]


async def test_a_session_begins_when_it_did(sessions):
    assert await sent_by(sessions[::-1], speed=1) == [(0, "a"), (60, "a"), (60, "b")]
    assert await sent_by(sessions[1:], speed=1) == [(0, "b")]


async def test_the_first_error_ends_all(sessions):
    async def send(call):
        raise RecordingError("damaged")

    with pytest.raises(RecordingError, match="damaged"):
        await resend(sessions, send, Pace(FakeClock(), asyncio.sleep), concurrency=2)


async def test_nothing_to_send():
    assert await sent_by([]) == []


async def asked(script, sent=SENT):
    return await ask(FakeUpstream(script), TARGET, sent, FakeClock(), service="openai")


async def test_a_plain_answer():
    found = await asked(answer_json(MESSAGE))
    outcome = found.outcome
    assert (outcome.status, outcome.answer.text, outcome.answer.finish) == (200, ["Hi"], "stop")
    assert (outcome.tokens, outcome.model, outcome.service) == (
        Tokens(input=3, output=4, source="reported"), "m", "openai",
    )  # fmt: skip
    assert not outcome.failed
    assert json.loads(found.body) == MESSAGE


async def test_a_stream():
    chunks = [{"choices": [{"delta": {"content": text}}]} for text in ("H", "i")]
    outcome = (await asked(events(*chunks))).outcome
    assert outcome.answer.text == ["Hi"]


async def test_the_id_of_the_gateway():
    found = await asked(Answer(headers={"X-Aigw-Request-Id": "17", "content-type": "application/json"}))
    assert found.id == "17"


async def test_an_error_of_the_server():
    outcome = (await asked(answer_json({"error": {"message": "no such model"}}, 404))).outcome
    assert (outcome.status, outcome.failed, outcome.answer.error) == (404, True, "no such model")


async def test_nobody_answers():
    outcome = (await asked(Answer(error=UpstreamError(UpstreamFault.CONNECT, "closed")))).outcome
    assert (outcome.status, outcome.failed, outcome.answer.error) == (0, True, "closed")


async def test_an_answer_that_breaks_off():
    broken = Answer(pieces=[b'{"choices":[', UpstreamError(UpstreamFault.RESET, "reset")])
    outcome = (await asked(broken)).outcome
    assert (outcome.status, outcome.failed, outcome.answer.error) == (200, True, "reset")


async def test_what_came_before_it_broke_off_is_kept():
    chunk = b'data: {"choices":[{"delta":{"content":"Hi"}}]}\n\n'
    script = Answer(
        headers={"content-type": "text/event-stream"}, pieces=[chunk, UpstreamError(UpstreamFault.RESET, "")]
    )
    found = await asked(script)
    assert (found.body, found.outcome.answer.text) == (chunk, ["Hi"])


async def test_a_path_that_nobody_can_read():
    outcome = (await asked(answer_json(MESSAGE), SENT._replace(path="/v1/%0a"))).outcome
    assert outcome.status == 200
    assert outcome.digest
