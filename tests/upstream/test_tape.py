"""aigw/upstream/tape.py: what passes is recorded as it came, and a recorded answer is played as it was."""

import pytest
from fakes import Answer, FakeClock, FakeUpstream, answer_json, chat
from multidict import CIMultiDict

from aigw.core.errors import GatewayError, UpstreamError, UpstreamFault
from aigw.core.model import Origin, Target
from aigw.upstream.tape import Played, Tape

TARGET = Target(Origin("https", "api.openai.com", 443), "api.openai.com")
HELLO = {"model": "gpt-4o", "messages": []}
RESET = UpstreamError(UpstreamFault.RESET, "https://api.openai.com:443: the connection was reset")


class Noted:
    """A recorder, and its only take."""

    def __init__(self):
        self.seen = []

    def begin(self, outgoing):
        self.seen.append(outgoing.request.path)
        return self

    def head(self, status, headers):
        self.seen.append(status)

    def piece(self, data):
        self.seen.append(data)

    def end(self, error, *, whole):
        self.seen.append((error and error.fault.name, whole))


class Found:
    """A player that knows one answer, or none."""

    def __init__(self, played=None, error=None):
        self.played, self.error = played, error

    async def find(self, outgoing):
        if self.error:
            raise self.error
        return self.played


def tape(upstream, player=None, recorder=None, speed=0.0):
    clock, waits = FakeClock(), []

    async def sleep(seconds):
        waits.append(round(seconds, 6))
        clock.now += seconds

    return Tape(upstream, player, recorder, clock, speed=speed, sleep=sleep), waits


async def all_of(response):
    return [piece async for piece in response.body]


async def test_a_call_is_recorded_while_it_passes():
    noted = Noted()
    recording, _ = tape(FakeUpstream(Answer(pieces=[b"a", b"b"])), recorder=noted)
    response = await recording.send(chat(HELLO), TARGET)
    assert await all_of(response) == [b"a", b"b"]
    assert noted.seen == ["/v1/chat/completions", 200, b"a", b"b", (None, True)]


async def test_how_it_breaks_off_is_recorded_too():
    noted = Noted()
    recording, _ = tape(FakeUpstream(Answer(pieces=[b"a", RESET])), recorder=noted)
    response = await recording.send(chat(HELLO), TARGET)
    with pytest.raises(UpstreamError):
        await all_of(response)
    assert noted.seen[2:] == [b"a", ("RESET", False)]


async def test_a_client_that_leaves_ends_the_take():
    noted = Noted()
    recording, _ = tape(FakeUpstream(Answer(pieces=[b"a", b"b"])), recorder=noted)
    response = await recording.send(chat(HELLO), TARGET)
    await response.body.__anext__()
    await response.body.aclose()
    assert noted.seen[2:] == [b"a", (None, False)]


async def test_a_call_without_an_answer_is_recorded():
    noted = Noted()
    recording, _ = tape(FakeUpstream(Answer(error=RESET)), recorder=noted)
    with pytest.raises(UpstreamError):
        await recording.send(chat(HELLO), TARGET)
    assert noted.seen == ["/v1/chat/completions", ("RESET", False)]


async def test_what_is_found_does_not_go_upstream():
    upstream = FakeUpstream()
    played = Played(200, CIMultiDict({"content-type": "text/plain"}), [(1.0, b"a"), (2.0, b"b")])
    recording, waits = tape(upstream, Found(played))
    response = await recording.send(chat(HELLO), TARGET)
    assert (response.status, await all_of(response)) == (200, [b"ab"])
    assert waits == []


async def test_what_is_not_found_may_go_on_and_is_recorded():
    noted = Noted()
    recording, _ = tape(FakeUpstream(answer_json({"ok": True})), Found(), noted)
    response = await recording.send(chat(HELLO), TARGET)
    assert await all_of(response) == [b'{"ok": true}']
    assert noted.seen == ["/v1/chat/completions", 200, b'{"ok": true}', (None, True)]


async def test_a_miss_is_final():
    recording, _ = tape(FakeUpstream(), Found(error=GatewayError(404, "no recording")))
    with pytest.raises(GatewayError, match="no recording"):
        await recording.send(chat(HELLO), TARGET)


@pytest.mark.parametrize(("speed", "factor"), [(1.0, 1.0), (4.0, 0.25)])
async def test_the_times_between_pieces_are_kept(speed, factor):
    played = Played(200, CIMultiDict(), [(100.0, b"a"), (100.0, b"b"), (350.0, b"c")], after=400.0)
    recording, waits = tape(FakeUpstream(), Found(played), speed=speed)
    response = await recording.send(chat(HELLO), TARGET)
    assert await all_of(response) == [b"ab", b"c"]
    assert waits == [pytest.approx(each * factor) for each in (0.1, 0.25, 0.05)]


async def test_a_recorded_break_breaks_off_again():
    played = Played(200, CIMultiDict(), [(1.0, b"a")], error=RESET)
    response = await tape(FakeUpstream(), Found(played))[0].send(chat(HELLO), TARGET)
    assert await response.body.__anext__() == b"a"
    with pytest.raises(UpstreamError, match="was reset"):
        await response.body.__anext__()


async def test_a_recorded_failure_to_connect_fails_again():
    with pytest.raises(UpstreamError, match="was reset"):
        await tape(FakeUpstream(), Found(Played(0, CIMultiDict(), [], error=RESET)))[0].send(chat(HELLO), TARGET)


async def test_an_upload_that_is_not_in_memory_is_read_first():
    async def rest():
        yield b"-end"

    request = chat(HELLO)
    request.body, request.upload = b"begin", rest()
    noted = Noted()
    recording, _ = tape(FakeUpstream(answer_json({})), recorder=noted)
    await recording.send(request, TARGET)
    assert (request.body, request.upload) == (b"begin-end", None)
