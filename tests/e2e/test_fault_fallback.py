"""Before the first event a failure moves on, to another token or provider; after it never."""

import asyncio
import socket

import openai
import pytest
from stage.answers import CHAT, PATH, answers, chunk, completion, data, error_body, streams, text_events
from stage.gateway import until, with_probes

from aigw.core.layers import Outcome

FIRST = text_events("a")[:2]
ERROR_EVENT = data({"error": {"message": "overloaded", "type": "server_error", "param": None, "code": None}})
TINY = {"connect": "5s", "first_byte": "500ms", "idle": "500ms"}


def two_providers(one, two, **ai_proxy):
    def provider(name, url):
        return {"id": name, "type": "openai", "apiTokens": [f"sk-{name}"], "openaiCustomUrl": f"{url}/v1"}

    providers = [provider("one", one), provider("two", two)]
    settings = {"providers": providers, "activeProviderId": "one", "fallback": ["two"], **ai_proxy}
    return with_probes({"plugins": {"ai-proxy": settings}, "timeouts": TINY})


@pytest.fixture
def pair(provider, gateway):
    """Two scripted providers, the second one the fallback of the first."""

    async def start(first, second, **settings):
        one, two = await provider(first), await provider(second)
        return await gateway({**two_providers(one.url, two.url), **settings}), one, two

    return start


async def gone(peer):
    await peer.body()
    await peer.gone()


async def resets(peer):
    await peer.body()
    peer.reset()


async def garbage(peer):
    await peer.send(b"garbage\r\n\r\n")
    await peer.gone()


def stream_then(*pieces, then):
    async def script(peer):
        await peer.begin()
        for piece in pieces:
            await peer.piece(piece)
        if then == "reset":
            peer.reset()
        else:
            await peer.gone()

    return script


BROKEN = {
    "500": (answers(error_body(), 500), [Outcome.COMPLETE]),
    "429": (answers(error_body(), 429, {"retry-after": "1"}), [Outcome.COMPLETE]),
    "401": (answers(error_body(), 401), [Outcome.COMPLETE]),
    "html": (answers(b"<h1>no</h1>", 503, kind="text/html"), [Outcome.COMPLETE]),
    "reset": (resets, []),
    "stall": (gone, []),
    "garbage": (garbage, []),
    "error with status 200": (answers(b'{"error":{"message":"overloaded","type":"server_error"}}'), [Outcome.COMPLETE]),
}
BROKEN_STREAMS = {
    **BROKEN,
    "error event": (streams(ERROR_EVENT), [Outcome.ABORTED]),
    "no event": (streams(b": wait\n\n"), [Outcome.FAILED]),
    "nothing": (streams(), [Outcome.FAILED]),
    "comment, error event": (streams(b": wait\n\n", ERROR_EVENT), [Outcome.ABORTED]),
    "reset before the first event": (stream_then(then="reset"), [Outcome.FAILED]),
    "stall before the first event": (stream_then(b": wait\n\n", then="gone"), [Outcome.FAILED]),
}


@pytest.mark.parametrize("fault", BROKEN)
async def test_moves_on(pair, fault):
    script, inner = BROKEN[fault]
    running, one, two = await pair(script, answers(completion("from two")))
    answer = await running.sdk().chat.completions.create(**CHAT)
    assert answer.choices[0].message.content == "from two"
    await settled(running, one, two, [Outcome.COMPLETE], [*inner, Outcome.COMPLETE])


@pytest.mark.parametrize("fault", BROKEN_STREAMS)
async def test_stream_moves_on(pair, fault):
    """The client sees nothing of the first provider, not even its comments."""
    script, inner = BROKEN_STREAMS[fault]
    events = text_events("from", "two")
    running, one, two = await pair(script, streams(*events))
    answer = await running.request("POST", PATH, b'{"model":"gpt-4o","messages":[],"stream":true}')
    assert (answer.status, answer.body) == (200, b"".join(events))
    await settled(running, one, two, [Outcome.COMPLETE], [*inner, Outcome.COMPLETE], broken="before" in fault)


async def settled(running, one, two, outer, inner, *, broken=False):
    """Each provider was asked once, with its own key; the replies ended so; broken connections are closed."""
    assert [len(one.requests), len(two.requests)] == [1, 1]
    assert one.requests[0].headers["authorization"] == "Bearer sk-one"
    assert two.requests[0].headers["authorization"] == "Bearer sk-two"
    assert one.requests[0].json()["messages"] == two.requests[0].json()["messages"]
    assert running.outer.exchanges[0].attempts == ["one", "two"]
    await until(lambda: len(running.inner.ends) == len(inner))
    assert running.outer.ends == outer
    assert running.inner.ends == inner
    if broken:
        await one.all_closed()  # its answer did not come to an end
    peers = [*one.peers, *two.peers]
    await until(lambda: running.upstream.open_connections == sum(not peer.closed.is_set() for peer in peers))


async def test_refused_connection_moves_on(provider, gateway):
    two = await provider(answers(completion("from two")))
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}"
        running = await gateway(two_providers(url, two.url))
        answer = await running.sdk().chat.completions.create(**CHAT)
    assert answer.choices[0].message.content == "from two"
    assert running.outer.exchanges[0].attempts == ["one", "two"]


@pytest.mark.parametrize(
    ("script", "code"),
    [
        (stream_then(*FIRST, then="reset"), "upstream_reset"),
        (stream_then(*FIRST, then="stall"), "upstream_idle_timeout"),
        (streams(*FIRST, ERROR_EVENT), None),
        (streams(b"".join(FIRST) + ERROR_EVENT), None),
    ],
    ids=["reset", "stall", "error event", "error event in the same read"],
)
async def test_nothing_moves_on_after_the_first_event(pair, script, code):
    """The first event is the commit point: the client gets it, then the error, and the second provider hears nothing."""
    running, one, two = await pair(script, answers())
    seen = []
    with pytest.raises(openai.APIError) as caught:
        async for event in await running.sdk(max_retries=2).chat.completions.create(**CHAT, stream=True):
            seen += [event.choices[0].delta.content]
    assert seen == ["", "a"]
    assert caught.value.code == code
    assert [len(one.requests), len(two.requests)] == [1, 0]
    await until(lambda: len(running.outer.ends) == 1)
    if code:
        await one.all_closed()
        assert running.outer.ends == running.inner.ends == [Outcome.FAILED]


@pytest.mark.parametrize("stream", [False, True])
async def test_both_fail(pair, stream):
    """The client gets the first provider's error, with a line on what the second said."""
    running, one, two = await pair(
        answers(error_body("one"), 429, {"retry-after": "3"}), answers(error_body("two"), 500)
    )
    with pytest.raises(openai.RateLimitError) as caught:
        await running.sdk().chat.completions.create(**CHAT, stream=stream)
    assert caught.value.body["message"] == "one\ntwo was tried, too: 500 two"
    assert caught.value.response.headers["retry-after"] == "3"
    assert [len(one.requests), len(two.requests)] == [1, 1]


async def test_last_error_event_is_told(pair):
    """With nothing left to try, an error event at the start reaches the client as an error with a status."""
    running, _, _ = await pair(streams(ERROR_EVENT), streams(ERROR_EVENT))
    with pytest.raises(openai.InternalServerError, match="overloaded"):
        await running.sdk().chat.completions.create(**CHAT, stream=True)


async def test_client_leaves_during_the_second_attempt(pair):
    arrived = asyncio.Event()

    async def wait(peer):
        await peer.body()
        arrived.set()
        await peer.gone()

    running, _one, two = await pair(answers(error_body(), 500), wait)
    client = await running.connect()
    asking = asyncio.ensure_future(client.request("POST", PATH, b'{"model":"m","messages":[]}'))
    await asyncio.wait_for(arrived.wait(), 5)
    asking.cancel()
    await asyncio.gather(asking, return_exceptions=True)
    await client.close()
    await two.all_closed()
    assert running.outer.ends == []
    assert running.inner.ends == [Outcome.COMPLETE]


@pytest.mark.parametrize(
    ("failure", "stream"), [("429", False), ("429", True), ("reset", False), ("reset", True), ("error event", True)]
)
async def test_another_token(behind, stream, failure):
    """retryOnFailure repeats with another token of the same provider, streams too (Higress repeats no streams)."""
    events = text_events("a")
    script = {"429": answers(error_body(), 429), "reset": resets, "error event": streams(ERROR_EVENT)}[failure]
    last = streams(*events) if stream else answers()
    tokens = ["sk-1", "sk-2", "sk-3"]
    running, upstream = await behind(
        script, script, last, apiTokens=tokens, retryOnFailure={"enabled": True, "maxRetries": 2}, probes=True
    )
    answer = await running.sdk().chat.completions.create(**CHAT, stream=stream)
    if stream:
        assert [event.choices[0].delta.content async for event in answer] == ["", "a", None]
    used = [request.headers["authorization"].removeprefix("Bearer ") for request in upstream.requests]
    assert sorted(used) == tokens
    assert running.outer.ends == [Outcome.COMPLETE]


async def test_tokens_run_out(behind):
    """No token is tried twice, and the first error is the client's, with a line on the others."""
    running, upstream = await behind(
        answers(error_body("first"), 500),
        answers(error_body("second"), 429),
        apiTokens=["sk-1", "sk-2"],
        retryOnFailure={"enabled": True, "maxRetries": 5},
    )
    with pytest.raises(openai.InternalServerError, match=r"first\nanother token of \w+ was tried, too: 429 second"):
        await running.sdk().chat.completions.create(**CHAT)
    assert len(upstream.requests) == 2


async def test_upload_is_not_repeated(pair):
    """What was streamed through is gone, so its first answer is final."""
    running, one, two = await pair(answers(error_body("no"), 500), answers(), max_kept_upload=1)
    with pytest.raises(openai.InternalServerError, match="no"):
        await running.sdk().files.create(file=("a.txt", b"abc"), purpose="batch")
    assert [len(one.requests), len(two.requests)] == [1, 0]


async def test_large_stream_after_a_fallback(pair):
    """The second provider's stream is complete also when it is long."""
    events = [chunk({"content": str(number)}) for number in range(2000)]
    running, _, _ = await pair(answers(error_body(), 500), streams(*events, *text_events()[-2:]))
    stream = await running.sdk().chat.completions.create(**CHAT, stream=True)
    got = [event.choices[0].delta.content async for event in stream]
    assert got == [*(str(number) for number in range(2000)), None]


@pytest.mark.parametrize("path", ["/v1/models", "/v1/batches"])
async def test_an_error_in_a_list_is_booked_as_a_failure(provider, gateway, path):
    one = await provider(answers(b'{"error":{"message":"busy","code":429}}'))
    running = await gateway(two_providers(one.url, one.url, fallback=[]), keeps=True)
    answer = await running.request("GET", path)
    await until(lambda: running.rows != [])
    assert (answer.status, running.rows[0].status, running.rows[0].failed) == (429, 429, True)
    assert b"busy" in answer.body
