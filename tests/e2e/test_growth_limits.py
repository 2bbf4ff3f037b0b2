"""Sixty calls at once under a token limit and under a quota: as under a budget, what they use together exceeds it by no
more than what was on its way."""

import asyncio
import json

import pytest
from stage.answers import DONE, PATH, chunk
from stage.gateway import proxied
from stage.raw import RawClient, encode
from test_growth import ASK, BYTES, CALLS, JSON, PLAIN, STREAM, TEXT, endless, plain, slowly, stream, until_gone

from aigw.core.stores import Service

LIMIT = 2000
STORE = Service("redis.static", 80)
REDIS = {"service_name": STORE.name}
RATE = {"rule_name": "all", "global_threshold": {"token_per_day": LIMIT}, "redis": REDIS}
RATE_KEY = "higress-token-ratelimit:{all}:global_threshold:86400"
QUOTA = {"admin_consumer": "admin", "redis": REDIS}
QUOTA_KEY = "chat_quota:ann"
KEYS = {"consumers": [{"name": "ann", "credential": "sk-ann"}], "keys": ["x-api-key"]}
PLUGINS = {"rate": {"ai-token-ratelimit": RATE}, "quota": {"key-auth": KEYS, "ai-quota": QUOTA}}
REFUSED = {"rate": "rate_limit_exceeded", "quota": "insufficient_quota"}

PIECE_TOKENS = 64
"""No piece of the answers below has more tokens. An answer is looked at with each piece, before that goes on: so at
most one piece of each call is more than the limit allows, the one that was on its way when the others filled it."""


@pytest.fixture
def limited(provider, gateway):
    """Starts a gateway with a limit of this kind; returns it and what tells how many tokens were used."""

    async def start(kind, *scripts, limit=LIMIT, fidelity="safe"):
        upstream = await provider(*scripts)
        config = proxied(upstream.url)
        rate = {"ai-token-ratelimit": {**RATE, "global_threshold": {"token_per_day": limit}}}
        config["plugins"] |= rate if kind == "rate" else PLUGINS["quota"]
        running = await gateway({**config, "fidelity": fidelity})
        counter = running.env.stores.counter(STORE)
        if kind == "quota":
            await counter.put(QUOTA_KEY, limit)

        async def used():
            await running.edge.settled()
            (count,) = await counter.read(RATE_KEY if kind == "rate" else QUOTA_KEY)
            assert count.held == 0
            return count.used if kind == "rate" else limit - count.used

        return running, used

    return start


async def ask(running, body, kind=JSON):
    client = await RawClient.connect(running.port)
    try:
        return await client.request("POST", PATH, body, content_type=kind, x_api_key="sk-ann")
    finally:
        await client.close()


async def ask_all(running, body, kind=JSON):
    return await asyncio.gather(*(ask(running, body, kind) for _ in range(CALLS)), return_exceptions=True)


@pytest.mark.parametrize("limiter", PLUGINS)
@pytest.mark.parametrize(
    ("script", "asked", "label"),
    [
        (plain(400), PLAIN, JSON),
        (plain(400, kind=BYTES), PLAIN, BYTES),
        (slowly(*[b"word " * 40] * 10, kind=TEXT), PLAIN, TEXT),
        (stream(80), STREAM, JSON),
        (stream(80), STREAM, TEXT),
        (stream(10, "word " * 8), STREAM, JSON),
        (stream(80, "\u4f60\u597d\u4e16\u754c"), STREAM, JSON),
        (stream(100), PLAIN, JSON),
        (plain(400), b"\x00\x01" * 20, BYTES),
        (slowly(*[b"\x00\x01\x02\x03" * 50] * 10, kind=BYTES), b"\x00\x01" * 20, BYTES),
    ],
    ids=[
        "plain", "bytes", "text", "stream", "stream of a text", "fat events", "few bytes a token",
        "a stream for a plain request", "unreadable request", "nothing readable",
    ],
)  # fmt: skip
async def test_sixty_calls_at_once(limited, limiter, script, asked, label):
    running, used = await limited(limiter, script)
    await ask_all(running, asked if isinstance(asked, bytes) else json.dumps(asked).encode(), label)
    total = await used()
    assert LIMIT * 0.4 <= total <= LIMIT + CALLS * PIECE_TOKENS


@pytest.mark.parametrize("limiter", PLUGINS)
async def test_short_answers_of_a_provider_that_obeys_are_all_let_through(limited, limiter):
    running, used = await limited(limiter, plain(1))
    assert all(answer.status == 200 for answer in await ask_all(running, json.dumps(PLAIN).encode()))
    assert await used() == CALLS * 9


@pytest.mark.parametrize("limiter", PLUGINS)
async def test_one_call_alone_is_not_broken_off(limited, limiter):
    running, used = await limited(limiter, endless(), limit=100)
    answer = await ask(running, json.dumps(ASK).encode())
    assert answer.body.endswith(DONE)
    assert await used() > 2000


async def broken_off(running, used_up):
    """The rest of a stream that has begun when another one uses up the limit."""
    client = await running.connect()
    await client.send(encode("POST", PATH, json.dumps(ASK).encode(), x_api_key="sk-ann"))
    assert (await client.head())[0] == 200
    pieces = [await client.chunk()]
    assert (await ask(running, json.dumps(ASK).encode())).body.endswith(DONE)
    await running.edge.settled()
    used_up.set()
    while piece := await client.chunk():
        pieces.append(piece)
    return b"".join(pieces)


def pauses(used_up):
    async def script(peer):
        await peer.body()
        await peer.begin()
        await peer.piece(chunk({"content": "word "}))
        await used_up.wait()
        for _ in range(2000):
            await peer.piece(chunk({"content": "word "}))
        await peer.piece(chunk({}, "stop") + DONE)
        await peer.end()

    return until_gone(script)


@pytest.mark.parametrize("limiter", PLUGINS)
async def test_an_answer_that_is_broken_off_says_why(limited, limiter):
    used_up = asyncio.Event()
    running, _ = await limited(limiter, pauses(used_up), endless(), limit=200)
    body = await broken_off(running, used_up)
    assert DONE not in body
    assert body.count(b"word") < 1000
    event = json.loads(body.strip().rpartition(b"data: ")[2])
    assert event["error"]["code"] == REFUSED[limiter]


@pytest.mark.parametrize("limiter", PLUGINS)
async def test_higress_breaks_nothing_off(limited, limiter):
    used_up = asyncio.Event()
    running, _ = await limited(limiter, pauses(used_up), endless(), limit=200, fidelity="higress")
    body = await broken_off(running, used_up)
    assert body.endswith(DONE)
    assert body.count(b"word") == 2001
