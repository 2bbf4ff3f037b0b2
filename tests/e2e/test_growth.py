"""Sixty calls at once, of which nobody can know beforehand how long their answers get: what they use together exceeds a
budget by no more than what was on its way."""

import asyncio
import gzip
import json

import pytest
from stage.answers import DONE, PATH, chunk
from stage.gateway import proxied
from stage.raw import RawClient

from aigw.core.stores import LOCAL

BUDGET = 4000
CALLS = 60
ASK = {"model": "m", "max_tokens": 1, "stream": True, "messages": [{"role": "user", "content": "Hi"}]}
EVENTS = [chunk({"content": "word "}) for _ in range(2000)]
JSON, BYTES = "application/json", "application/octet-stream"


def endless(coding="", kind="text/event-stream"):
    """A provider that ignores max_tokens: 2,000 tokens an answer."""

    async def script(peer):
        await peer.body()
        headers = {"content-type": kind} | ({"content-encoding": coding} if coding else {})
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

    return script


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
    upstream = await provider(script)
    config = proxied(upstream.url)
    config["plugins"] = {"ai-budget": {"budgets": [{"name": "all", "tokens": BUDGET}]}, **config["plugins"]}
    running = await gateway(config)
    await asyncio.gather(*(ask(running, json.dumps(ASK).encode(), kind) for _ in range(CALLS)), return_exceptions=True)
    await running.edge.settled()
    (count,) = await running.env.stores.counter(LOCAL).read("{aigw-budget}:used:all:")
    assert BUDGET <= count.used < 3 * BUDGET
    assert count.held == 0


async def test_one_call_alone_is_not_broken_off(provider, gateway):
    upstream = await provider(endless())
    config = proxied(upstream.url)
    config["plugins"] = {"ai-budget": {"budgets": [{"name": "all", "tokens": 100}]}, **config["plugins"]}
    running = await gateway(config)
    answer = await ask(running, json.dumps(ASK).encode(), JSON)
    assert answer.body.endswith(DONE)
    assert answer.body.count(b"word") == len(EVENTS)


async def test_an_answer_that_is_broken_off_says_why(provider, gateway):
    upstream = await provider(endless())
    config = proxied(upstream.url)
    config["plugins"] = {"ai-budget": {"budgets": [{"name": "all", "tokens": 200}]}, **config["plugins"]}
    running = await gateway(config)
    ends = await asyncio.gather(*(ask(running, json.dumps(ASK).encode(), JSON) for _ in range(5)))
    broken = [end.body for end in ends if end.status == 200 and not end.body.endswith(DONE)]
    assert broken
    assert all(b"budget_exceeded" in body[-2000:] and b"aigw budget raise all" in body[-2000:] for body in broken)
