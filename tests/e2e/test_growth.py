"""Sixty calls at once, of which nobody can know beforehand how long their answers get: what they use together exceeds a
budget by no more than what was on its way."""

import asyncio
import gzip
import json

import pytest
from stage.answers import DONE, PATH, chunk, completion
from stage.gateway import proxied, until
from stage.raw import RawClient, encode

from aigw.core.stores import LOCAL

BUDGET = 4000
CALLS = 60
MODEL = "gpt-4o"
ASK = {"model": "m", "max_tokens": 1, "stream": True, "messages": [{"role": "user", "content": "Hi"}]}
EVENTS = [chunk({"content": "word "}) for _ in range(2000)]
JSON, BYTES, TEXT, SSE = "application/json", "application/octet-stream", "text/plain", "text/event-stream"
PIECE = 200
TURNS = 60


def endless(coding="", kind=SSE):
    """A provider that ignores max_tokens: 2,000 tokens an answer."""

    async def script(peer):
        await peer.body()
        headers = {"Content-Type": kind} | ({"Content-Encoding": coding} if coding else {})
        await peer.begin(headers=headers)
        packer = gzip.GzipFile(mode="wb", fileobj=(packed := Packed()))
        for start in range(0, len(EVENTS), 20):
            piece = b"".join(EVENTS[start : start + 20])
            if coding:
                packer.write(piece)
                packer.flush()
                piece = packed.take()
            await peer.piece(piece)
            await asyncio.sleep(0)
        end = chunk({}, "stop") + DONE
        if coding:
            packer.write(end)
            packer.close()
            end = packed.take()
        await peer.piece(end)
        await peer.end()

    return until_gone(script)


def until_gone(script):
    """The gateway breaks answers off, which ends a script."""

    async def run(peer):
        try:
            await script(peer)
        except RuntimeError:
            raise ConnectionError from None

    return run


def slowly(*pieces, kind=SSE):
    """All calls get a piece before any gets the next one."""

    async def script(peer):
        await peer.body()
        await peer.begin(headers={"Content-Type": kind})
        for piece in pieces:
            await peer.piece(piece)
            for _ in range(TURNS):
                await asyncio.sleep(0)
        await peer.end()

    return until_gone(script)


def plain(words, kind=JSON):
    usage = {"prompt_tokens": 8, "completion_tokens": words, "total_tokens": words + 8}
    body = completion("word " * words, model=MODEL, usage=usage)
    return slowly(*(body[start : start + PIECE] for start in range(0, len(body), PIECE)), kind=kind)


def stream(count, text="word "):
    events = [chunk({"content": text}, model=MODEL)] * count
    return slowly(*events, chunk({}, "stop", model=MODEL) + DONE)


class Packed:
    def __init__(self):
        self.pieces = []

    def write(self, piece):
        self.pieces.append(bytes(piece))

    def flush(self):
        pass

    def take(self):
        pieces, self.pieces = b"".join(self.pieces), []
        return pieces


async def ask(running, body, kind):
    client = await RawClient.connect(running.port)
    try:
        return await client.request("POST", PATH, body, content_type=kind)
    finally:
        await client.close()


async def spend(provider, gateway, script, budget, ask_for, kind=JSON, **settings):
    """Asks sixty times at once, and returns what the budget says was used, in its unit."""
    upstream = await provider(script)
    config = proxied(upstream.url, **settings)
    config["plugins"] = {"ai-budget": {"budgets": [{"name": "all", **budget}]}, **config["plugins"]}
    running = await gateway(config)
    body = ask_for if isinstance(ask_for, bytes) else json.dumps(ask_for).encode()
    await asyncio.gather(*(ask(running, body, kind) for _ in range(CALLS)), return_exceptions=True)
    await running.edge.settled()
    (count,) = await running.env.stores.counter(LOCAL).read("{aigw-budget}:used:all:")
    assert count.held == 0
    return count.used


@pytest.mark.parametrize(
    ("script", "kind"),
    [
        (endless(), JSON),
        (endless(), BYTES),
        (endless(coding="gzip"), JSON),
        (endless(kind=BYTES), JSON),
    ],
    ids=["ignored", "unread", "coded", "bytes"],
)
async def test_sixty_calls_at_once(provider, gateway, script, kind):
    assert BUDGET <= await spend(provider, gateway, script, {"tokens": BUDGET}, ASK, kind) < 2.5 * BUDGET


PLAIN = {"model": MODEL, "max_tokens": 1, "messages": ASK["messages"]}
STREAM = {**PLAIN, "stream": True}


@pytest.mark.parametrize(
    ("script", "budget", "ask_for"),
    [
        (plain(400), 2000, PLAIN),
        (plain(400, kind=BYTES), 2000, PLAIN),
        (slowly(*[b"word " * 40] * 10, kind=TEXT), 2000, PLAIN),
        (stream(10, "word " * 8), 1000, STREAM),
        (stream(80), 1000, STREAM),
        (stream(80, "\u4f60\u597d\u4e16\u754c"), 1000, STREAM),
        (stream(100), 1000, PLAIN),
    ],
    ids=["plain", "bytes", "text", "fat events", "thin events", "few bytes a token", "a stream for a plain request"],
)
async def test_answers_that_come_slowly(provider, gateway, script, budget, ask_for):
    """Each call may have one or two pieces more than the budget allows, of some 50 tokens."""
    used = await spend(provider, gateway, script, {"tokens": budget}, ask_for)
    assert budget * 0.4 <= used < 3 * budget


@pytest.mark.parametrize("kind", ["", BYTES, TEXT, "application/x-www-form-urlencoded"])
@pytest.mark.parametrize(("script", "asked"), [(plain(400), PLAIN), (stream(400), STREAM)], ids=["plain", "stream"])
async def test_dollars_of_a_request_of_any_label(provider, gateway, script, asked, kind):
    used = await spend(provider, gateway, script, {"usd": 0.01}, {**asked, "max_tokens": 20}, kind)
    assert 0.004e9 <= used < 0.035e9


@pytest.mark.parametrize(
    ("asked", "kind"), [(b"\x00\x01" * 20, BYTES), ({**PLAIN, "model": "fast"}, JSON)], ids=["unreadable", "mapped"]
)
async def test_dollars_where_no_price_is_known_beforehand(provider, gateway, asked, kind):
    used = await spend(provider, gateway, plain(400), {"usd": 0.01}, asked, kind, modelMapping={"fast": MODEL})
    assert 0 < used < 0.03e9


async def test_short_answers_of_providers_that_obey_are_all_let_through(provider, gateway):
    used = await spend(provider, gateway, plain(1), {"tokens": 2000}, PLAIN)
    assert used == CALLS * 9


@pytest.mark.parametrize(
    ("body", "kind", "costs"),
    [
        (b"<!DOCTYPE html><p>" + b"Sign in " * 200, "text/html", 0),
        (b"\n<html>", TEXT, 0),
        (b"word " * 100, TEXT, 125),
        (b'{"error": {"message": "no"}}', JSON, 0),
    ],
    ids=["page", "page as text", "text", "error"],
)
async def test_what_a_failed_answer_costs(provider, gateway, body, kind, costs):
    """What a model may have written counts; a page or an error does not. The books and the budget agree."""
    upstream = await provider(slowly(body, kind=kind))
    config = proxied(upstream.url)
    config["plugins"] = {"ai-budget": {"budgets": [{"name": "all", "tokens": 100_000}]}, **config["plugins"]}
    running = await gateway(config, keeps=True)
    answer = await ask(running, json.dumps(PLAIN).encode(), JSON)
    await running.edge.settled()
    (count,) = await running.env.stores.counter(LOCAL).read("{aigw-budget}:used:all:")
    assert answer.status >= 400
    await until(lambda: running.rows)
    (row,) = running.rows
    assert (row.tokens.input or 0) + (row.tokens.output or 0) == count.used
    assert (row.tokens.output or 0) == costs
    assert count.used > 0 or costs == 0


async def test_one_call_alone_is_not_broken_off(provider, gateway):
    upstream = await provider(endless())
    config = proxied(upstream.url)
    config["plugins"] = {"ai-budget": {"budgets": [{"name": "all", "tokens": 100}]}, **config["plugins"]}
    running = await gateway(config)
    answer = await ask(running, json.dumps(ASK).encode(), JSON)
    assert answer.body.endswith(DONE)
    assert answer.body.count(b"word") == len(EVENTS)


async def test_an_answer_that_is_broken_off_says_why(provider, gateway):
    """It has begun, then another one uses up the budget, then it goes on."""
    used_up = asyncio.Event()

    async def pauses(peer):
        await peer.body()
        await peer.begin()
        await peer.piece(EVENTS[0])
        await used_up.wait()
        for event in EVENTS:
            await peer.piece(event)

    upstream = await provider(pauses, endless())
    config = proxied(upstream.url)
    config["plugins"] = {"ai-budget": {"budgets": [{"name": "all", "tokens": 200}]}, **config["plugins"]}
    running = await gateway(config)
    client = await running.connect()
    await client.send(encode("POST", PATH, json.dumps(ASK).encode()))
    assert (await client.head())[0] == 200
    begun = await client.chunk()
    assert (await ask(running, json.dumps(ASK).encode(), JSON)).body.endswith(DONE)
    await running.edge.settled()
    used_up.set()
    pieces = [begun]
    while piece := await client.chunk():
        pieces.append(piece)
    end = b"".join(pieces)[-2000:]
    assert b"budget_exceeded" in end
    assert b"aigw budget raise all" in end
    assert DONE not in end
