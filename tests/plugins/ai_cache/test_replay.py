"""What a stored answer becomes for who asks for it: a stream or a plain body, with usage or without, quick or as slow as it was."""

from __future__ import annotations

import json
from typing import Any

import pytest
from ai_cache_world import STREAM, USAGE_CHUNK, asking, completion, how, stage, told
from fakes import Answer, FakeClock, FakeResponse, FakeUpstream, answer_json, chat, events

from aigw.core.model import Batch, Request, Target


async def test_a_stream_is_replayed_as_it_came() -> None:
    async with stage(events(*STREAM)) as it:
        first, second = await it.ask(asking(stream=True)), await it.ask(asking(stream=True))
    assert len(it.upstream.sent) == 1
    assert (how(second), second.headers["content-type"]) == ("hit", "text/event-stream")
    assert second.body == first.body


async def test_a_stream_serves_a_plain_request() -> None:
    async with stage(events(*STREAM, USAGE_CHUNK)) as it:
        await it.ask(asking(stream=True))
        plain = await it.ask()
    assert (len(it.upstream.sent), how(plain), plain.headers["content-type"]) == (1, "hit", "application/json")
    assert plain.json() == completion()


async def test_a_plain_answer_serves_a_stream() -> None:
    async with stage(answer_json(completion())) as it:
        await it.ask()
        without = await it.ask(asking(stream=True))
        with_usage = await it.ask(asking(stream=True, stream_options={"include_usage": True}))
    assert len(it.upstream.sent) == 1
    *chunks, done = without.events()
    assert done == b"[DONE]"
    assert "".join(chunk["choices"][0]["delta"].get("content", "") for chunk in chunks) == "Hello"
    assert chunks[-1]["choices"][0]["finish_reason"] == "stop"
    assert with_usage.events() == [*chunks, USAGE_CHUNK, b"[DONE]"]


async def test_usage_is_told_to_those_who_ask_for_it() -> None:
    options = {"include_usage": True}
    async with stage(events(*STREAM, USAGE_CHUNK)) as it:
        asked = await it.ask(asking(stream=True, stream_options=options))
        silent = await it.ask(asking(stream=True))
        again = await it.ask(asking(stream=True, stream_options=options))
    assert len(it.upstream.sent) == 1
    assert again.body == asked.body
    assert silent.events() == [*STREAM, b"[DONE]"]


async def test_original_timing() -> None:
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    class Slow(FakeUpstream):
        """Its pieces come a quarter of a second apart."""

        async def send(self, request: Request, target: Target) -> FakeResponse:
            response = await super().send(request, target)
            read = response.body.__anext__

            class Body:
                aclose = response.body.aclose

                def __aiter__(self) -> Body:
                    return self

                async def __anext__(self) -> bytes:
                    clock.now += 0.25
                    return await read()

            return FakeResponse(response.status, response.headers, Body())  # type: ignore[arg-type]

    clock = FakeClock()
    slow = Slow(events(*STREAM))
    async with stage(config={"replayTiming": True}, upstream=slow, clock=clock, sleep=sleep) as it:
        first, second = await it.ask(asking(stream=True)), await it.ask(asking(stream=True))
    assert second.body == first.body
    assert slept == [0.25, 0.25, 0.25]


MESSAGE = {
    "id": "msg_1", "type": "message", "role": "assistant", "model": "m", "content": [{"type": "text", "text": "Hello"}],
    "stop_reason": "end_turn", "stop_sequence": None, "usage": {"input_tokens": 3, "output_tokens": 1},
}  # fmt: skip
RESPONSE = {
    "id": "resp_1", "object": "response", "status": "completed", "model": "m",
    "output": [
        {"id": "msg_1", "type": "message", "status": "completed", "role": "assistant",
         "content": [{"type": "output_text", "text": "Hello", "annotations": []}]},
    ],
    "usage": {"input_tokens": 3, "output_tokens": 1, "total_tokens": 4},
}  # fmt: skip


@pytest.mark.parametrize(
    ("path", "question", "answer"),
    [
        ("/v1/messages", {"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "Hi"}]}, MESSAGE),
        ("/v1/responses", {"model": "m", "input": "Hi", "store": False}, RESPONSE),
    ],
)
async def test_a_stream_of_another_dialect_is_made_of_a_plain_answer_and_back(
    path: str, question: Any, answer: Any
) -> None:
    plain, stream = chat(question, path=path), chat({**question, "stream": True}, path=path)
    async with stage(answer_json(answer)) as it:
        await it.ask(plain.copy())
        streamed = await it.ask(stream.copy())
    assert (len(it.upstream.sent), how(streamed)) == (1, "hit")
    assert streamed.headers["content-type"].startswith("text/event-stream")
    upstream = Answer(headers={"content-type": "text/event-stream"}, pieces=[streamed.body])
    async with stage(upstream) as it:
        await it.ask(stream.copy())
        back = await it.ask(plain.copy())
    assert (len(it.upstream.sent), how(back), back.headers["content-type"]) == (1, "hit", "application/json")
    assert back.json() == answer


async def test_an_entry_that_cannot_be_converted_is_a_miss() -> None:
    async with stage(events(*STREAM)) as it:
        await it.ask(asking(stream=True))
        (key,) = [*await it.kept()]
        value = await it.kv.get(key)
        assert value is not None
        await it.kv.put(key, value.replace(b'"choices"', b'"chioces"'))
        assert told(await it.ask()).endswith("reason=form")


async def test_events_are_seen_one_by_one_by_those_in_front() -> None:
    """ai-statistics looks at every event of a hit, too."""
    seen: list[bytes | None] = []

    def look(batch: Batch) -> None:
        seen.extend([chunk.data for chunk in batch])

    async with stage(events(*STREAM)) as it:
        await it.ask(asking(stream=True))
        _, reply = await it.send(asking(stream=True))
        assert reply.streaming
        await reply.tap(look).body()
    assert [json.loads(data) for data in seen[:-1] if data] == list(STREAM)
