"""Traces as they are written: from a request through real plugins to the file."""

import asyncio
from contextlib import AsyncExitStack, asynccontextmanager

import msgspec
import pytest
from fakes import Answer, FakeClock, FakeUpstream, about, answer_json, chat, make_env, make_exchange, terminal
from hypothesis import given, settings
from hypothesis import strategies as st

from aigw.config.load import load
from aigw.config.plugins import find_plugin
from aigw.config.secret_values import secrets_in
from aigw.core.model import Route
from aigw.core.retrieval import Retrieved
from aigw.pipeline.pipeline import Pipeline
from aigw.trace.build import MAX_BODY, MAX_BYTES, record_line
from aigw.trace.record import TraceRecord
from aigw.trace.tracer import Tracer

PROXY = """
plugins:
  ai-proxy:
    provider: {type: openai, apiTokens: [config-key-1111, config-key-2222], modelMapping: {"*": gpt-4o},
               openaiCustomUrl: "http://127.0.0.1:1/v1"}
  ai-cache: {}
"""
ANSWER = {
    "id": "x",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "Hi"}, "finish_reason": "stop"}],
}


class Config(msgspec.Struct):
    pass


def finder(plugin):
    @asynccontextmanager
    async def build(config, env):
        yield plugin

    own = about(build, Config, like="ai-cache")
    return lambda name: own if name == "ai-cache" else find_plugin(name)


async def passes(exchange, call_next):
    return await call_next(exchange)


async def trace(request, plugin=passes, *answers, text=PROXY):
    """The line of a request through `plugin` and ai-proxy."""
    clock, traces = FakeClock(), []
    loaded = load(None, {}, finder(plugin), text=text.encode())
    upstream = FakeUpstream(*(answers or (answer_json(ANSWER),)))
    async with AsyncExitStack() as stack:
        tracer = Tracer(clock, traces.append, secrets_in(loaded))
        pipeline = Pipeline(list(loaded.plugins.values()), terminal(upstream), tracer)
        await pipeline.open(make_env(upstream), stack)
        exchange = make_exchange(request)
        exchange.timing.arrived = clock.monotonic() - 1
        reply = await pipeline.chain(Route("r"), "h").call(exchange)
        await reply.body()
        await exchange.aclose()
        await exchange.settled()
    return record_line(traces[0])


async def record(*args, **options):
    return msgspec.json.decode(await trace(*args, **options), type=TraceRecord)


def changed(found, step=0):
    return {(each.op, each.path): (each.old, each.new) for each in found.steps[step].changed.body}


async def test_the_life_of_a_request():
    found = await record(
        chat({"model": "gpt-x", "messages": []}, headers={"authorization": "Bearer client-key"}), passes
    )
    assert [(step.kind, step.name) for step in found.steps] == [
        ("plugin", "ai-cache"),
        ("plugin", "ai-proxy"),
        ("upstream", "openai"),
    ]
    assert (found.method, found.path, found.route, found.host) == ("POST", "/v1/chat/completions", "test", "localhost")
    assert (found.status, found.outcome, found.total_ms) == (200, "complete", 1000)
    assert found.steps[0].why == {"config": "global"}
    assert not found.steps[0].changed
    assert changed(found, 1) == {("replace", "model"): ('"gpt-x"', '"gpt-4o"')}
    headers = {each.name: (each.old, each.new) for each in found.steps[1].changed.headers}
    assert headers["authorization"] == ("***", "***")
    assert (found.steps[2].status, found.steps[2].origin) == (200, "http://127.0.0.1:1")


async def test_the_passages_that_were_put_into_it():
    async def retrieve(exchange, call_next):
        exchange.labels.retrieved = [Retrieved(f"a.md#{n}", 0.5) for n in range(100)]
        return await call_next(exchange)

    found = await record(chat({"model": "m", "messages": []}), retrieve)
    assert found.retrieved == [Retrieved(f"a.md#{n}", 0.5) for n in range(20)]


async def test_a_prompt_put_in_front_is_one_change():
    async def decorate(exchange, call_next):
        document = exchange.request.document
        document.set("messages", [{"role": "system", "content": "Be kind."}, *document.items_of("messages")])
        exchange.request.query = "a=1&key=abc"
        return await call_next(exchange)

    messages = [{"role": "user", "content": f"question {n}"} for n in range(5)]
    found = await record(chat({"model": "m", "messages": messages}), decorate)
    assert changed(found) == {("add", "messages[0]"): ("", '{"role": "system", "content": "Be kind."}')}
    assert (found.steps[0].changed.query.old, found.steps[0].changed.query.new) == ("", "a=1&key=***")


async def test_retries_and_what_was_answered():
    text = PROXY.replace("provider: {", "provider: {retryOnFailure: {enabled: true}, ")
    answers = (Answer(status=500), answer_json(ANSWER))
    found = await record(chat({"model": "m", "messages": []}), passes, *answers, text=text)
    assert [(step.name, step.again, step.status) for step in found.steps[1:]] == [
        ("ai-proxy", 0, 0),
        ("openai", 0, 500),
        ("ai-proxy", 2, 0),
        ("openai", 0, 200),
    ]


@pytest.mark.parametrize("kind", ["text", "large", "broken"])
async def test_bodies_that_are_not_compared(kind):
    body = {"text": b"words", "large": b'"' + b"x" * MAX_BODY + b'"', "broken": b"{"}[kind]
    headers = {"content-type": "text/plain"} if kind == "text" else {}

    async def cut(exchange, call_next):
        exchange.request.replace_body(body[:-1] + b"!")
        return await call_next(exchange)

    async def answers(exchange):
        return exchange.reply(b"")

    loaded = load(None, {}, finder(cut), text=b"plugins: {ai-cache: {}}")
    traces = []
    async with AsyncExitStack() as stack:
        pipeline = Pipeline(list(loaded.plugins.values()), answers, Tracer(FakeClock(), traces.append))
        await pipeline.open(make_env(FakeUpstream()), stack)
        exchange = make_exchange(chat(body, headers=headers))
        await pipeline.chain(Route("r"), "h").call(exchange)
        await exchange.aclose()
        await exchange.settled()
    found = msgspec.json.decode(record_line(traces[0]), type=TraceRecord).steps[0].changed
    assert found.body == []
    assert found.sizes == (len(body), len(body))
    assert found.hashes[0] != found.hashes[1]


async def test_a_trace_has_a_largest_size():
    async def fill(exchange, call_next):
        for number in range(300):
            exchange.request.document.set(f"k{number}", "é" * 1000)
            exchange.request.headers[f"h{number}"] = "v" * 1000
        return await call_next(exchange)

    found = await record(chat({"model": "m", "messages": []}), fill)
    assert found.steps[0].changed.more
    assert not found.cut

    async def fill_more(exchange, call_next):
        for number in range(90):
            exchange.request.document.set(f"k{number}", str(number) + "\x00" * 1000)
            exchange.request.headers[f"h{number}"] = "v" * 1000
            await call_next(exchange)
        return exchange.reply(b"{}")

    line = await trace(chat({"model": "m", "messages": []}), fill_more)
    found = msgspec.json.decode(line, type=TraceRecord)
    assert len(line) <= MAX_BYTES
    assert found.cut
    assert len(found.steps) == 100


SECRET = st.text("abcdefghijkXYZ0123456789-_", min_size=12, max_size=30).map(lambda text: f"Z{text}q")


@given(secret=SECRET, data=st.data())
@settings(max_examples=60, deadline=None)
def test_no_secret_is_ever_written(secret, data):
    """A credential comes in by one way, and a plugin copies it to others."""
    ways = ("authorization", "x-api-key", "cookie", "query", "body", "config")
    way = data.draw(st.sampled_from(ways))
    copies = data.draw(st.sets(st.sampled_from(("note", "path", "query", "header", "text", "key", "answer"))))
    headers = {
        "authorization": {"authorization": f"Bearer {secret}"},
        "x-api-key": {"x-api-key": secret},
        "cookie": {"cookie": f"a=1; session={secret}"},
    }.get(way, {})
    body = {"model": "m", "messages": [], **({"tool": {"apiKey": secret}} if way == "body" else {})}
    request = chat(body, headers=headers)
    request.query = f"key={secret}" if way == "query" else ""

    async def spread(exchange, call_next):
        request = exchange.request
        if "note" in copies:
            request.document.set("note", f"here is {secret}.")
        if "text" in copies:
            request.document.set("messages", [{"role": "system", "content": "x" * 500 + secret + "y" * 500}])
        if "key" in copies:
            request.document.set(secret, 1)
        if "path" in copies:
            request.path += f"/{secret}"
        if "query" in copies:
            request.query = f"other={secret}"
        if "header" in copies:
            request.headers["x-note"] = secret
        reply = exchange.reply(b"{}", status=401)
        if "answer" in copies:
            reply.headers["x-note"] = secret
        return await call_next(exchange) if "path" not in copies else reply

    text = PROXY.replace("config-key-1111", f'"{secret}"') if way == "config" else PROXY
    line = asyncio.run(trace(request, spread, text=text)).decode()
    assert secret not in line
    assert "config-key" not in line
