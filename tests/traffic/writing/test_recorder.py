"""aigw/traffic/writing/recorder.py: what is noted of a call that passes the door."""

import pytest
from fakes import FakeClock, chat
from multidict import CIMultiDict

from aigw.core.errors import GatewayError, UpstreamError, UpstreamFault
from aigw.core.model import Origin, Target
from aigw.traffic.format.call import MAX_ANSWER
from aigw.traffic.writing.recorder import CallRecorder
from aigw.upstream.tape import Outgoing

CALL = Outgoing(chat({"model": "gpt-4o"}), Target(Origin("https", "a.example.com", 443), "a.example.com:443"), None)


class Noted:
    """A sink that keeps what it is given."""

    failure, written = "", 0

    def __init__(self):
        self.jobs = []

    def put(self, number, what):
        self.jobs.append((number, what))

    def close(self):
        pass


def test_a_call_is_given_when_it_begins_and_when_it_ends():
    sink, clock = Noted(), FakeClock(1_790_000_000.0)
    take = CallRecorder(sink, clock).begin(CALL)
    clock.now += 1
    take.head(200, CIMultiDict({"X-A": "b"}))
    take.piece(b"one")
    clock.now += 1
    take.piece(b"two")
    take.end(None, whole=True)
    (_, begun), (number, answered) = sink.jobs
    assert (begun.sent.path, begun.service, begun.at) == ("/v1/chat/completions", "a.example.com", 1_790_000_000.0)
    assert (number, answered.status, answered.headers, answered.size) == (1, 200, (("X-A", "b"),), 6)
    assert (answered.pieces, answered.after, answered.whole) == ([(1.0, b"one"), (2.0, b"two")], 2.0, True)


@pytest.mark.parametrize(
    ("authority", "service"),
    [
        ("[::1]:8080", "[::1]"),
        ("[2001:db8::1]", "[2001:db8::1]"),
        ("bedrock-runtime.us-east-1.amazonaws.com:443", "bedrock-runtime.us-east-1.amazonaws.com"),
        ("a.example.com", "a.example.com"),
        ("", "origin.example.com"),
    ],
)
def test_a_host_is_known_without_its_port(authority, service):
    sink, origin = Noted(), Origin("https", "origin.example.com", 443)
    CallRecorder(sink, FakeClock()).begin(CALL._replace(target=Target(origin, authority)))
    assert sink.jobs[0][1].service == service


def test_a_large_answer_is_not_kept():
    sink = Noted()
    take = CallRecorder(sink, FakeClock()).begin(CALL)
    for _ in range(3):
        take.piece(bytes(MAX_ANSWER // 2))
    take.end(None, whole=True)
    _, (_, answered) = sink.jobs
    assert (answered.pieces, answered.size) == ([], MAX_ANSWER // 2 * 3)


def test_only_the_first_end_counts():
    sink = Noted()
    take = CallRecorder(sink, FakeClock()).begin(CALL)
    take.end(UpstreamError(UpstreamFault.CONNECT, "https://a.example.com: refused"), whole=False)
    take.end(None, whole=True)
    _, (_, answered) = sink.jobs
    assert (answered.fault, answered.message, answered.whole) == ("CONNECT", "https://a.example.com: refused", False)


def test_what_was_sent_is_noted_as_it_was():
    sink, request = Noted(), chat({"model": "gpt-4o"})
    CallRecorder(sink, FakeClock()).begin(CALL._replace(request=request))
    request.headers["x-later"] = "1"
    assert "x-later" not in dict(sink.jobs[0][1].sent.headers)


def test_nothing_more_is_recorded_after_a_failure():
    sink = Noted()
    sink.failure = "recs: No space left on device"
    assert CallRecorder(sink, FakeClock()).begin(CALL) is None
    with pytest.raises(GatewayError, match="No space left on device") as caught:
        CallRecorder(sink, FakeClock(), on_error="stop").begin(CALL)
    assert (caught.value.status, caught.value.headers) == (503, {"x-should-retry": "false"})
