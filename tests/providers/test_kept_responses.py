"""Responses that the gateway keeps for clients of providers that keep none."""

import pytest

from aigw.core.stores import StoreError
from aigw.providers import kept_responses
from aigw.providers.kept_responses import KeptResponses
from aigw.stores.memory import MemoryKV
from aigw.translation.responses.kept_response import KeptResponse


class Time:
    now = 1000.0

    def __call__(self):
        return self.now


def response(id, **more):
    return KeptResponse({"id": id, "output": [], **more}, [{"role": "user", "content": "hi"}], 1)


@pytest.fixture
def time():
    return Time()


@pytest.fixture
def kv(time):
    return MemoryKV(time)


@pytest.fixture
def kept(kv, time):
    return KeptResponses(kv, 60.0, 2, time)


async def test_it_is_found_by_its_consumer_until_its_time_is_over(kept, time):
    assert await kept.keep("ann", response("r"))
    assert await kept.find("ann", "r") == response("r")
    assert await kept.find("bob", "r") is None
    assert await kept.find("ann/r", "") is None
    time.now += 61
    assert await kept.find("ann", "r") is None


async def test_the_oldest_of_a_consumer_make_room(kept):
    await kept.keep("bob", response("r"))
    for id in ("a", "b", "c"):
        await kept.keep("ann", response(id))
    assert [await kept.find("ann", id) is not None for id in ("a", "b", "c")] == [False, True, True]
    assert await kept.find("bob", "r") is not None
    assert await kept.drop("ann", "b") and not await kept.drop("ann", "b")
    await kept.keep("ann", response("d"))
    assert await kept.find("ann", "c") is not None


async def test_what_is_too_large_is_not_kept(kept):
    assert not await kept.keep("ann", response("r", text="x" * kept_responses.LARGEST))
    assert await kept.find("ann", "r") is None


async def test_a_store_that_is_down_keeps_nothing(kept, kv):
    async def down(*_):
        raise StoreError("down")

    kv.put = down
    assert not await kept.keep("ann", response("r"))


async def test_what_another_version_has_kept_is_not_there(kept, kv):
    await kv.put("ann/r", b"[1]")
    assert await kept.find("ann", "r") is None


async def test_half_of_a_surrogate_pair_is_kept(kept):
    await kept.keep("ann", response("r", text="\ud83d"))
    assert (await kept.find("ann", "r")).response["text"] == "\ud83d"
