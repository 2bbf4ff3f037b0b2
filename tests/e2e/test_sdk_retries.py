"""What OpenAI's Python SDK does when something fails, and that the gateway tells it the truth."""

import openai
import pytest
from stage.answers import CHAT, answers, completion, error_body, streams, text_events
from stage.gateway import until

FAILED = error_body("try again", "server_error")


@pytest.mark.parametrize("status", [408, 409, 429, 500, 503])
async def test_retries(behind, status):
    """A failure that the SDK repeats is sent upstream once each time; the count of the client's tries is seen."""
    running, upstream = await behind(answers(FAILED, status, {"retry-after-ms": "1"}), answers())
    answer = await running.sdk(max_retries=2).chat.completions.create(**CHAT)
    assert answer.choices[0].message.content == "Hi"
    assert [request.headers["x-stainless-retry-count"] for request in upstream.requests] == ["0", "1"]


async def test_retry_after_is_passed_on(behind):
    """Retry-After and retry-after-ms are the provider's own."""
    running, _ = await behind(answers(FAILED, 429, {"retry-after": "0.125", "retry-after-ms": "125"}))
    with pytest.raises(openai.RateLimitError) as caught:
        await running.sdk().chat.completions.create(**CHAT)
    assert caught.value.response.headers["retry-after"] == "0.125"
    assert caught.value.response.headers["retry-after-ms"] == "125"


async def test_too_long_a_wait(behind):
    """The SDK does not repeat what it should wait an hour for."""
    running, upstream = await behind(answers(FAILED, 429, {"retry-after": "3600"}))
    with pytest.raises(openai.RateLimitError):
        await running.sdk(max_retries=2).chat.completions.create(**CHAT)
    assert len(upstream.requests) == 1


@pytest.mark.parametrize(("status", "should", "tries"), [(500, "false", 1), (400, "true", 3)])
async def test_should_retry(behind, status, should, tries):
    """`x-should-retry` decides."""
    running, upstream = await behind(answers(FAILED, status, {"x-should-retry": should, "retry-after-ms": "1"}))
    with pytest.raises(openai.APIStatusError):
        await running.sdk(max_retries=2).chat.completions.create(**CHAT)
    assert len(upstream.requests) == tries


async def test_builtin_rate_limit(gateway):
    """The built-in model's own 429 has a Retry-After, so that a client's retries can be tried out."""
    mock = {"faults": [{"kind": "rate-limit", "retryAfter": 7}]}
    running = await gateway({"plugins": {"ai-proxy": {"provider": {"type": "builtin", "mock": mock}}}})
    with pytest.raises(openai.RateLimitError) as caught:
        await running.sdk().chat.completions.create(model="mock", messages=CHAT["messages"])
    assert caught.value.response.headers["retry-after"] == "7"
    assert caught.value.code == "rate_limit_exceeded"


async def test_nothing_is_repeated_by_the_gateway_alone(behind):
    """Without retryOnFailure or a fallback, a failure reaches the provider once."""
    running, upstream = await behind(answers(FAILED, 503))
    with pytest.raises(openai.InternalServerError):
        await running.sdk().chat.completions.create(**CHAT)
    assert len(upstream.requests) == 1


@pytest.mark.parametrize("stream", [False, True])
async def test_timeout(behind, stream):
    """A client that gives up is one that leaves: the provider's connection is closed, each time that it tries."""

    async def stall(peer):
        await peer.body()
        await peer.gone()

    running, upstream = await behind(stall)
    with pytest.raises(openai.APITimeoutError):
        client = running.sdk(timeout=0.15, max_retries=1)
        await client.with_options().chat.completions.create(**CHAT, stream=stream)
    assert len(upstream.requests) == 2
    await upstream.all_closed()
    await until(lambda: running.upstream.open_connections == 0)


async def test_closing_a_stream(behind):
    """Leaving in the middle of a stream closes the provider's connection."""

    async def endless(peer):
        await peer.begin()
        while not peer.closed.is_set():
            await peer.piece(text_events("x")[1])

    running, upstream = await behind(endless)
    stream = await running.sdk().chat.completions.create(**CHAT, stream=True)
    assert (await anext(aiter(stream))).choices[0].delta.content == "x"
    await stream.close()
    await upstream.all_closed()


async def test_the_connection_is_kept(behind):
    """Both sides keep their connections over plain answers, streams and errors."""
    scripts = [answers(), streams(*text_events("a")), answers(FAILED, 400), answers(completion("last"))]
    running, upstream = await behind(*scripts)
    client = running.sdk()
    await client.chat.completions.create(**CHAT)
    async for _ in await client.chat.completions.create(**CHAT, stream=True):
        pass
    with pytest.raises(openai.BadRequestError):
        await client.chat.completions.create(**CHAT)
    answer = await client.chat.completions.create(**CHAT)
    assert answer.choices[0].message.content == "last"
    assert len(upstream.peers) == running.upstream.open_connections == 1
