"""Plugins that fail, seen by a client and a provider: the pitfalls of the contract with real connections on both sides."""

import asyncio

import openai
import pytest
from stage.answers import CHAT, PATH, answers, streams, text_events
from stage.gateway import proxied, until
from stage.probe import scripted

from aigw.core.errors import GatewayError
from aigw.core.layers import Outcome

BODY = b'{"model":"gpt-4o","messages":[]}'
STREAM = b'{"model":"gpt-4o","messages":[],"stream":true}'


@pytest.fixture
def around(provider, gateway):
    """A gateway with the plugin `tested` between `outer` and ai-proxy."""

    async def start(plugin, *scripts):
        upstream = await provider(*scripts)
        config = proxied(upstream.url)
        plugins = {"outer": {}, "tested": {}, **config["plugins"], "inner": {}}
        config = {**config, "plugins": plugins, "order": list(plugins)}
        return await gateway(config, tested=scripted(plugin)), upstream

    return start


async def waits(peer):
    await peer.begin()
    await peer.piece(text_events("a")[0])
    await peer.gone()


@pytest.mark.parametrize("before", [True, False])
async def test_bug(around, before, caplog):
    """A plugin that raises: 500 in JSON with the id that the log has, and the provider's connection is closed."""

    async def plugin(exchange, call_next):
        if not before:
            await call_next(exchange)
        raise RuntimeError("sk-secret in a message of somebody else's")

    running, upstream = await around(plugin, waits)
    answer = await running.request("POST", PATH, STREAM)
    assert (answer.status, answer.json()["error"]["code"]) == (500, "internal")
    assert b"sk-secret" not in answer.body
    request_id = answer.headers["x-aigw-request-id"]
    assert request_id in answer.json()["error"]["message"]
    assert request_id in caplog.text
    await upstream.all_closed()
    assert running.inner.ends == ([] if before else [Outcome.ABORTED])
    assert len(upstream.requests) == (0 if before else 1)
    caplog.clear()  # the error in the log is what this test is about


async def test_answer_of_its_own(around):
    """A plugin that answers instead: nothing further in runs."""

    async def plugin(exchange, call_next):
        return exchange.reply(
            b'{"mine":true}', status=203, headers=[("Content-Type", "application/json"), ("X-Mine", "1")]
        )

    running, upstream = await around(plugin, answers())
    answer = await running.request("POST", PATH, BODY)
    assert (answer.status, answer.json(), answer.headers["x-mine"]) == (203, {"mine": True}, "1")
    assert answer.headers["x-request-id"]
    assert (running.outer.ends, running.inner.replies, upstream.requests) == ([Outcome.COMPLETE], 0, [])


async def test_refusal(around):
    """A plugin's GatewayError in the caller's shape, with its headers."""

    async def plugin(exchange, call_next):
        raise GatewayError(403, "blocked", kind="guard", code="blocked", headers={"x-should-retry": "false"})

    running, upstream = await around(plugin, answers())
    with pytest.raises(openai.PermissionDeniedError) as caught:
        await running.sdk(max_retries=2).chat.completions.create(**CHAT)
    assert (caught.value.code, caught.value.type) == ("blocked", "guard")
    assert caught.value.response.headers["x-should-retry"] == "false"
    assert len(running.outer.exchanges) == 1
    assert upstream.requests == []


async def test_observer_fails_open(around, caplog):
    """A bug in an observer never breaks the user's stream."""

    async def plugin(exchange, call_next):
        def broken(_):
            raise RuntimeError("an observer's bug")

        return (await call_next(exchange)).tap(broken, broken)

    events = text_events("a", "b")
    running, _ = await around(plugin, streams(*events))
    assert (await running.request("POST", PATH, STREAM)).body == b"".join(events)
    assert running.outer.ends == running.inner.ends == [Outcome.COMPLETE]
    assert "an observer failed" in caplog.text
    caplog.clear()


@pytest.mark.parametrize("after", [0, 1])
async def test_rewriter_fails_closed(around, after):
    """A rewriter that fails never lets through what it should have rewritten; the provider is closed."""

    async def plugin(exchange, call_next):
        async def rewrite(batches):
            seen = 0
            async for batch in batches:
                if seen == after:
                    raise GatewayError(403, "this must not be said", code="blocked")
                seen += 1
                yield batch

        return (await call_next(exchange)).through(rewrite)

    async def script(peer):
        await peer.begin()
        for event in text_events("a", "b")[:3]:
            await peer.piece(event)
            await asyncio.sleep(0.02)  # so that each is a read of its own
        await peer.gone()

    running, upstream = await around(plugin, script)
    answer = await running.request("POST", PATH, STREAM)
    assert answer.status == (200 if after else 403)
    assert b"this must not be said" in answer.body
    assert b'"content": "b"' not in answer.body
    await upstream.all_closed()
    assert running.inner.ends == [Outcome.ABORTED]
    await until(lambda: running.outer.ends == [Outcome.FAILED])


@pytest.mark.parametrize("leaves", [False, True])
async def test_deferred_jobs(around, leaves):
    """What a plugin defers runs after the last byte, outlives the client, and delays nobody."""
    may_end, begun, done = asyncio.Event(), [], []

    async def plugin(exchange, call_next):
        async def job(name):
            begun.append(name)
            await may_end.wait()
            done.append(name)

        exchange.defer(job, "first")
        exchange.defer(job, "second")
        return await call_next(exchange)

    events = text_events("a")
    running, upstream = await around(plugin, waits if leaves else streams(*events))
    client = await running.connect()
    if leaves:
        stream = asyncio.ensure_future(client.request("POST", PATH, STREAM))
        await until(lambda: running.outer.replies == 1)
        stream.cancel()
        await asyncio.gather(stream, return_exceptions=True)
        await client.close()
        await upstream.all_closed()
    else:
        assert (await client.request("POST", PATH, STREAM)).body == b"".join(events)
    await until(lambda: begun == ["first", "second"])
    assert done == []
    may_end.set()
    await running.edge.settled()
    assert done == ["first", "second"]
