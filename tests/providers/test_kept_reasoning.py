"""Reasoning that outlives the process which has kept it."""

import asyncio

import pytest
from fakes import FailingStores, FakeUpstream, chat, make_env, make_exchange

from aigw.core.env import Keeping
from aigw.providers.kept_reasoning import SERVICE, KeptReasoning
from aigw.stores.memory import MemoryStores
from aigw.translation.hub import Thinking
from aigw.translation.kept_thoughts import KeptThought

KEEPING = Keeping(60.0, 9)
ASKED = {"model": "m"}
KEPT = KeptThought((Thinking("hm \ud83d", "sig"), Thinking("", "data", redacted=True)), "s")


def process(stores, *, provider="deepseek", responses=KEEPING, request=None, **more):
    """What one process keeps for a request."""
    env = make_env(FakeUpstream(), stores=stores, responses=responses, **more)
    return KeptReasoning(provider, env).of(make_exchange(chat(ASKED) if request is None else request))


async def found(kept):
    before = kept.get(b"key")
    await kept.load()
    return before, kept.get(b"key")


async def put(kept):
    kept.put(b"key", KEPT)
    await asyncio.sleep(0)


async def test_another_process_finds_it():
    stores = MemoryStores()
    kept = process(stores)
    await put(kept)
    assert await found(kept) == (KEPT, KEPT)
    assert await found(process(stores)) == (None, KEPT)
    assert await found(process(stores, provider="kimi")) == (None, None)


@pytest.mark.parametrize(
    "secret",
    [
        {"responses": None},
        {"fidelity": "higress"},
        {"request": chat(ASKED | {"store": False})},
        {"request": chat(ASKED, headers={"cache-control": "private, No-Store"})},
    ],
)
async def test_what_must_not_be_kept_stays_in_memory(secret):
    stores = MemoryStores()
    kept = process(stores, **secret)
    await put(kept)
    assert await found(kept) == (KEPT, KEPT)
    assert await found(process(stores)) == (None, None)


async def test_a_store_that_fails_or_has_something_else_is_no_trouble():
    assert await found(process(FailingStores("get"))) == (None, None)
    stores = MemoryStores()
    await put(process(stores))
    kv = stores.kv(SERVICE)
    async for name in kv.keys():
        await kv.put(name, b'{"of": "another version"}')
    assert await found(process(stores)) == (None, None)
