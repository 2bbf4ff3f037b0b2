"""aigw/clients/callout.py: one answer read whole, and what can go wrong with it."""

import asyncio

import msgspec
import pytest
from fakes import Answer, FakeBody, FakeResponse, FakeUpstream, answer_json, make_env
from multidict import CIMultiDict

from aigw.clients.callout import Callout, CalloutError, StatusError, fetch, fetch_json
from aigw.core.errors import UpstreamError, UpstreamFault
from aigw.core.model import Origin, Request, Target

TARGET = Target(Origin("http", "127.0.0.1", 1), "files.dns")
REFUSED = UpstreamError(UpstreamFault.CONNECT, "http://127.0.0.1:1: cannot connect")


class Shape(msgspec.Struct):
    data: list[int]


def get():
    return Request("GET", "/x", "", CIMultiDict())


async def test_the_pieces_of_an_answer_are_one_body():
    upstream = FakeUpstream(Answer(pieces=[b"a", b"", b"bc"]))
    assert await fetch(upstream, get(), TARGET, 5.0, most=3) == b"abc"
    assert upstream.bodies[0].closed == 1


@pytest.mark.parametrize(
    "answer, message",
    [
        (Answer(404), "files.dns answered 404"),
        (Answer(pieces=[b"ab", b"cd", b"never read"]), "files.dns answered more than 3 bytes"),
        (Answer(error=REFUSED), "files.dns: http://127.0.0.1:1: cannot connect"),
        (Answer(pieces=[b"a", UpstreamError(UpstreamFault.RESET, "closed")]), "files.dns: closed"),
    ],
)
async def test_what_goes_wrong_is_one_kind_of_error_and_the_answer_is_closed(answer, message):
    upstream = FakeUpstream(answer)
    with pytest.raises(CalloutError) as caught:
        await fetch(upstream, get(), TARGET, 5.0, most=3)
    assert str(caught.value) == message
    assert [body.closed for body in upstream.bodies] == ([] if answer.error else [1])


async def test_a_status_can_be_told_from_other_errors():
    with pytest.raises(StatusError) as caught:
        await fetch(FakeUpstream(Answer(503, pieces=[b"out ", b"of order"])), get(), TARGET, 5.0)
    assert (caught.value.status, caught.value.said) == (503, b"out of order")


@pytest.mark.parametrize("pieces", [[b"x" * 5000], [b"x" * 2048, UpstreamError(UpstreamFault.RESET, "closed")]])
async def test_little_is_read_of_a_failure(pieces):
    with pytest.raises(StatusError) as caught:
        await fetch(FakeUpstream(Answer(500, pieces=pieces)), get(), TARGET, 5.0)
    assert caught.value.said == b"x" * 2048


async def test_a_service_that_hangs_is_given_up_and_its_answer_closed():
    class Hanging(FakeBody):
        async def __anext__(self):
            await asyncio.Event().wait()

    class Upstream(FakeUpstream):
        async def send(self, request, target):
            self.bodies.append(Hanging([]))
            return FakeResponse(200, CIMultiDict(), self.bodies[0])

    upstream = Upstream()
    with pytest.raises(CalloutError, match=r"^files\.dns: no answer within 0\.01 s$"):
        await fetch(upstream, get(), TARGET, 0.01)
    assert upstream.bodies[0].closed == 1


@pytest.mark.parametrize("body", [b"<html>", b"[1]", b'{"data":["x"]}', b"\xff", b'"\xff"', b"[" * 5000 + b"]" * 5000])
async def test_what_is_no_json_of_the_shape_is_the_same_error(body):
    with pytest.raises(CalloutError, match=r"^files\.dns: the answer is not the expected JSON"):
        await fetch_json(FakeUpstream(Answer(pieces=[body])), get(), TARGET, 5.0, Shape)


async def test_a_shape_is_decoded():
    assert await fetch_json(FakeUpstream(answer_json({"data": [1]})), get(), TARGET, 5.0, Shape) == Shape([1])


@pytest.mark.parametrize("port, scheme", [(443, "https"), (80, "http"), (8443, "http")])
async def test_a_callout_posts_json_to_the_service_under_its_host(port, scheme):
    upstream = FakeUpstream(answer_json({"a": [1]}))
    callout = Callout(make_env(upstream), "v.dns", port, "v.example.com", 5.0)
    assert await callout.post("/v1/q", {"x-key": "k"}, {"q": 1}) == {"a": [1]}
    ((request, target),) = upstream.sent
    assert (request.method, request.path, request.body) == ("POST", "/v1/q", b'{"q":1}')
    assert dict(request.headers) == {"content-type": "application/json", "x-key": "k"}
    assert (target.origin[:3], target.authority) == ((scheme, "v.example.com", port), "v.example.com")


async def test_json_that_is_too_deep_is_an_error_of_the_service():
    callout = Callout(make_env(FakeUpstream(Answer(pieces=[b"[" * 5000]))), "v.dns", 443, "", 5.0)
    with pytest.raises(CalloutError):
        await callout.post("/", {}, {})
