"""What is kept of an answer that goes by, only one that is complete; and how it is read again, whatever stands there."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from ai_cache_world import HEAD, STREAM, asking, completion, delta, how, stage, told
from fakes import Answer, answer_json, events
from hypothesis import given
from hypothesis import strategies as st

from aigw.core.exchange import Exchange
from aigw.core.reply import Reply
from aigw.plugins.ai_cache.entry import FORMAT, NAME, Entry, decode, encode
from aigw.plugins.ai_cache.key import SMALL


@pytest.mark.parametrize(
    "answer",
    [
        answer_json(completion(), status=500),
        answer_json({"error": {"message": "no"}}),
        answer_json(completion(choices=[])),
        answer_json(completion(choices=[{"index": 0, "message": {"content": "Hel"}, "finish_reason": None}])),
        Answer(pieces=[b"<html>"]),
        Answer(pieces=[b""]),
        Answer(headers={"content-type": "application/json", "content-encoding": "gzip"}, pieces=[b"\x1f\x8b"]),
        Answer(headers={"content-type": "audio/mpeg"}, pieces=[b"..."]),
        events(*STREAM, done=False),
        events(*STREAM[:-1]),
        events(*STREAM[:2], {"error": {"message": "overloaded"}}, STREAM[-1]),
        events(*STREAM, b'data: {"cut', done=False),
        events(*STREAM[:1], b"data: {no json}\n\n", *STREAM[1:]),
    ],
)
async def test_what_is_not_complete_is_not_kept(answer: Answer) -> None:
    async with stage(answer) as it:
        first = await it.ask(asking(stream=True))
        assert [*await it.kept()] == []
        second = await it.ask(asking(stream=True))
    assert (len(it.upstream.sent), second.body) == (2, first.body)


async def test_an_answer_of_another_provider_is_not_kept() -> None:
    async with stage(answer_json(completion())) as it:

        async def fallback(exchange: Exchange) -> Reply:
            exchange.attempts += ["first", "fallback"]
            return await it.forward(exchange)

        await it.ask(end=fallback)
        assert [*await it.kept()] == []


async def test_it_is_told_that_what_depends_on_more_than_the_request_is_not_kept() -> None:
    async with stage(answer_json(completion())) as it:

        async def with_history(exchange: Exchange) -> Reply:
            reply = await it.forward(exchange)
            reply.makeshift = True
            return reply

        assert told(await it.ask(end=with_history)).endswith("; reason=new; kept=no")
        assert told(await it.ask()).endswith("; reason=new")


async def test_a_huge_answer_passes_and_is_not_kept() -> None:
    async with stage(answer_json(completion("x" * 9_000_000))) as it:
        assert len((await it.ask()).body) > 9_000_000
        assert [*await it.kept()] == []


async def test_several_choices() -> None:
    def both(first: Any, second: Any, finish: Any) -> dict[str, Any]:
        choices = [{"index": 0, "delta": first, "finish_reason": None}, {"index": 1, "delta": second, **finish}]
        return {**HEAD, "object": "chat.completion.chunk", "choices": choices}

    start = both({"role": "assistant", "content": "a"}, {"role": "assistant", "content": "b"}, {"finish_reason": None})
    second_ends = both({}, {}, {"finish_reason": "stop"})
    asked = asking(stream=True, n=2, temperature=0)
    async with stage(events(start, second_ends), events(start, second_ends, delta("stop"))) as it:
        assert [how(await it.ask(asked)) for _ in range(3)] == ["miss", "miss", "hit"]
        plain = await it.ask({**asked, "stream": False})
    found = [(c["index"], c["message"]["content"], c["finish_reason"]) for c in plain.json()["choices"]]
    assert found == [(0, "a", "stop"), (1, "b", "stop")]


ENTRIES = st.builds(
    Entry, created=st.floats(0, 2e9), ttl=st.integers(0, 10**9), api=st.text(), model=st.text(), streamed=st.booleans(),
    content_type=st.text(), body=st.binary(), usage=st.binary(), tail=st.binary(),
    delays=st.lists(st.integers(0, 10**6)).map(tuple), parts=st.binary(),
)  # fmt: skip


@given(ENTRIES)
def test_an_entry_is_read_as_it_was_written(entry: Entry) -> None:
    assert decode(encode(entry)) == entry


@given(st.binary() | st.binary().map(lambda data: FORMAT + data))
def test_any_bytes_are_an_entry_or_none(value: bytes) -> None:
    assert isinstance(decode(value), Entry | None)


@given(ENTRIES, st.data())
def test_a_torn_entry_is_none(entry: Entry, data: st.DataObject) -> None:
    value = encode(entry)
    assert decode(value[: data.draw(st.integers(0, len(value) - 1))]) is None


def test_only_what_is_small_is_remembered() -> None:
    small = Entry(created=0.0, ttl=0, api="a", model="m", streamed=False, content_type="t", body=b"x")
    large = msgspec.structs.replace(small, body=b"x" * SMALL)
    assert decode(encode(small)) is decode(encode(small))
    assert decode(encode(large)) == large
    assert decode(encode(large)) is not decode(encode(large))


def test_an_entry_of_another_version_is_none() -> None:
    value = encode(Entry(created=1.0, ttl=0, api="", model="", streamed=False, content_type="", body=b""))
    assert decode(value.replace(FORMAT, NAME + b" 2\n")) is None
