"""aigw/upstream/builtin/delivery.py: faults, a transport's timeouts, closing at any time."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
import pytest

from aigw.core.errors import UpstreamError, UpstreamFault
from aigw.core.model import Timeouts
from aigw.upstream.builtin import Fault, MockSettings

STREAM = {"model": "mock", "messages": [{"role": "user", "content": "x"}], "stream": True}
PLAIN = {**STREAM, "stream": False}
CHAT = "/v1/chat/completions"
LIMITS = Timeouts(connect=1, first_byte=20, idle=30)


async def read_until_it_breaks(bench: Any, body: Any) -> tuple[list[bytes], UpstreamFault | None]:
    """The pieces that came, and the fault that ended them, None for a proper end."""
    pieces: list[bytes] = []
    try:
        response = await bench.send(CHAT, body)
        assert response.status == 200
        async for piece in response.body:
            pieces.append(piece)  # noqa: PERF401  an error must not lose them
    except UpstreamError as error:
        return pieces, error.fault
    return pieces, None


# Answers that are errors


async def test_a_status_fault_answers_with_an_error(models) -> None:
    answered = await models(faults=(Fault("status", status=503),)).chat("mock")
    assert answered.status == 503
    assert answered.json["error"]["type"] == "server_error"


async def test_a_rate_limit_says_when_to_retry(models) -> None:
    answered = await models(faults=(Fault("rate-limit", retry_after=1.5),)).chat("mock", stream=True)
    assert (answered.status, answered.headers["retry-after"]) == (429, "1.5")
    assert answered.json["error"]["code"] == "rate_limit_exceeded"


async def test_echo_has_no_faults(models) -> None:
    assert (await models(faults=(Fault("status"),)).chat("echo")).status == 200


async def statuses(bench: Any, count: int) -> list[int]:
    return [(await bench.chat("mock")).status for _ in range(count)]


async def test_the_seed_determines_who_is_struck(models) -> None:
    faults = (Fault("status", probability=0.3, status=503), Fault("rate-limit", probability=0.3))
    first = await statuses(models(faults=faults, seed=1), 200)
    assert first == await statuses(models(faults=faults, seed=1), 200)
    assert first != await statuses(models(faults=faults, seed=2), 200)
    assert 40 < first.count(503) < 80
    assert 25 < first.count(429) < 60
    assert await statuses(models(faults=(Fault("status", probability=0.0),)), 20) == [200] * 20


# Faults in the middle


@pytest.mark.parametrize(("after", "events"), [(1, 2), (3, 4), (8, 9), (100, 9)])
async def test_a_stream_is_reset_after_that_many_tokens(models, after: int, events: int) -> None:
    """The first event carries the role; with fewer tokens than that the stream breaks before its finish."""
    bench = models(tokens=8, faults=(Fault("disconnect", after_tokens=after),))
    pieces, fault = await read_until_it_breaks(bench, STREAM)
    assert (len(pieces), fault) == (events, UpstreamFault.RESET)


@pytest.mark.parametrize("body", [STREAM, PLAIN], ids=["stream", "plain"])
async def test_a_reset_after_no_tokens_comes_before_the_head(models, body: Any) -> None:
    bench = models(faults=(Fault("disconnect", after_tokens=0),))
    with pytest.raises(UpstreamError) as caught:
        await bench.send(CHAT, body)
    assert caught.value.fault is UpstreamFault.RESET


async def test_a_plain_answer_is_reset_half_way(models) -> None:
    pieces, fault = await read_until_it_breaks(models(faults=(Fault("disconnect"),)), PLAIN)
    assert fault is UpstreamFault.RESET
    with pytest.raises(msgspec.DecodeError):
        msgspec.json.decode(b"".join(pieces))


@pytest.mark.parametrize("after", [0, 2, 100])
async def test_one_event_is_malformed_and_the_rest_is_not(models, after: int) -> None:
    bench = models(tokens=8, faults=(Fault("malformed", after_tokens=after),))
    pieces, fault = await read_until_it_breaks(bench, STREAM)
    assert fault is None
    assert pieces.pop() == b"data: [DONE]\n\n"
    broken = [index for index, piece in enumerate(pieces) if not is_json(piece[len(b"data: ") :])]
    assert broken == [min(after, 8) + 1]
    assert all(piece.endswith(b"\n\n") for piece in pieces)


async def test_a_malformed_plain_answer_ends_properly(models) -> None:
    pieces, fault = await read_until_it_breaks(models(faults=(Fault("malformed"),)), PLAIN)
    assert fault is None
    assert not is_json(b"".join(pieces))


def is_json(data: bytes) -> bool:
    try:
        msgspec.json.decode(data)
    except msgspec.DecodeError:
        return False
    return True


# Stalls and timeouts


@pytest.mark.parametrize("body", [STREAM, PLAIN], ids=["stream", "plain"])
async def test_a_stall_before_the_head_ends_by_the_first_byte_timeout(models, body: Any) -> None:
    bench = models(LIMITS, faults=(Fault("stall", after_tokens=0),))
    assert await read_until_it_breaks(bench, body) == ([], UpstreamFault.FIRST_BYTE_TIMEOUT)
    assert bench.time.slept == [20]


@pytest.mark.parametrize(("body", "pieces"), [(STREAM, 3), (PLAIN, 1)], ids=["stream", "plain"])
async def test_a_stall_in_the_body_ends_by_the_idle_timeout(models, body: Any, pieces: int) -> None:
    bench = models(LIMITS, faults=(Fault("stall", after_tokens=2),))
    came, fault = await read_until_it_breaks(bench, body)
    assert (len(came), fault) == (pieces, UpstreamFault.IDLE_TIMEOUT)
    assert bench.time.slept == [30]


async def test_a_late_first_token_is_a_first_byte_timeout(models) -> None:
    bench = models(LIMITS, first_token_delay=20_001)
    assert await read_until_it_breaks(bench, STREAM) == ([], UpstreamFault.FIRST_BYTE_TIMEOUT)
    assert bench.time.slept == [20]


async def test_a_late_token_is_an_idle_timeout(models) -> None:
    bench = models(LIMITS, tokens_per_second=1 / 31)
    came, fault = await read_until_it_breaks(bench, STREAM)
    assert (len(came), fault) == (2, UpstreamFault.IDLE_TIMEOUT)


# Closing


@pytest.mark.parametrize("read", [0, 1, 3])
async def test_closing_ends_the_stream(models, read: int) -> None:
    response = await models().send(CHAT, STREAM)
    for _ in range(read):
        await anext(response.body)
    await response.body.aclose()
    await response.body.aclose()
    with pytest.raises(StopAsyncIteration):
        await anext(response.body)


async def test_closing_while_a_read_waits_and_cancelling_it_leaves_nothing(models) -> None:
    stalled = asyncio.Event()

    async def sleep(seconds: float) -> None:
        stalled.set()
        await asyncio.Event().wait()

    bench = models(sleep=sleep, faults=(Fault("stall", after_tokens=1),))
    response = await bench.send(CHAT, STREAM)
    reading = asyncio.ensure_future(drain(response.body))
    await asyncio.wait_for(stalled.wait(), 5)
    await response.body.aclose()
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading
    with pytest.raises(StopAsyncIteration):
        await anext(response.body)
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def drain(body: Any) -> None:
    async for _ in body:
        pass


# Settings


def test_settings_are_read_as_they_are_written_in_yaml() -> None:
    read = msgspec.convert(
        {
            "firstTokenDelay": 250,
            "tokensPerSecond": 40,
            "tokens": 5,
            "seed": 7,
            "faults": [{"kind": "rate-limit", "probability": 0.5, "retryAfter": 2, "afterTokens": 3, "status": 429}],
        },
        MockSettings,
    )
    fault = Fault("rate-limit", probability=0.5, retry_after=2, after_tokens=3, status=429)
    assert read == MockSettings(first_token_delay=250, tokens_per_second=40, tokens=5, seed=7, faults=(fault,))


@pytest.mark.parametrize(
    "wrong",
    [
        {"tokens": 0},
        {"tokensPerSecond": -1},
        {"speed": 1},
        {"faults": [{"kind": "explode"}]},
        {"faults": [{"kind": "status", "probability": 2}]},
        {"faults": [{"kind": "status", "status": 200}]},
    ],
)
def test_wrong_settings_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(wrong, MockSettings)
