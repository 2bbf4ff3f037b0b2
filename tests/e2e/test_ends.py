"""How an answer ended means the same to everybody: whether it is kept by the cache, counted as a failure by the
statistics and the usage row, and charged. Each stream that a provider may send, in each format.

An answer is whole where the provider brought it to an end, a length limit or a filter included, which is not kept; it
failed where the provider said so, whatever the status; it has no end where the provider just stopped."""

from __future__ import annotations

import json
from contextlib import aclosing
from typing import NamedTuple

import anthropic
import openai
import pytest
from stage.answers import DONE, answers, chunk, data, streams
from stage.gateway import until
from stage.upstream import Script
from stage.wires import (
    CHAT,
    COUNTING_GEMINI,
    GEMINI,
    INPUT,
    MESSAGES,
    OUTPUT,
    RESPONSES,
    DashScope,
    Wire,
    stays_open,
    typed,
)

from aigw.core.stores import Service
from aigw.metering.tokenizer import TokenCounter

TEXTS = ["one two ", "three"]
REDIS = {"service_name": "redis.static", "service_port": 6379}
PLUGINS = {
    "ai-statistics": {},
    "ai-cache": {"redis": {"serviceName": "redis.static", "servicePort": 6379}},
    "ai-budget": {"budgets": [{"name": "all", "tokens": 10**6}], "redis": REDIS},
    "ai-token-ratelimit": {"rule_name": "r", "global_threshold": {"token_per_day": 10**6}, "redis": REDIS},
}
NATIVE = DashScope(incremental=True)
WORDS = "it broke"
"""What providers say went wrong."""
SHORT = "insufficient_system_resource"
"""How an answer of DeepSeek's ends that could not be brought to its end."""


class End(NamedTuple):
    cached: bool
    failed: bool
    told: bool
    """The provider said what was used; otherwise what came is charged."""
    error: str = ""
    """What the row says, if that is neither WORDS nor that the connection broke."""


WHOLE = End(cached=True, failed=False, told=True)
LIMITED = WHOLE._replace(cached=False)
FAILED = End(cached=False, failed=True, told=False)
FAILED_TOLD = FAILED._replace(told=True)
ENDLESS = End(cached=False, failed=True, told=False, error="upstream_cut_off")
ENDLESS_TOLD = ENDLESS._replace(told=True)


class Case(NamedTuple):
    wire: Wire
    answer: Script
    end: End
    stream: bool = True


def begun(wire: Wire, *rest: bytes, end: End, ends: bool = True) -> Case:
    """A stream that says TEXTS, and then `rest`. `ends`: the connection is kept, so that it is a proper answer of HTTP;
    otherwise it breaks."""
    return Case(wire, streams(*wire.opening(), *map(wire.piece, TEXTS), *rest, ends=ends), end)


def chat(finish: str) -> list[bytes]:
    return [chunk({}, finish, model=""), chunk(model="", usage=CHAT.usage), DONE]


def called(arguments: str) -> list[bytes]:
    call = {"index": 0, "id": "c1", "type": "function", "function": {"name": "f", "arguments": arguments}}
    return [chunk({"tool_calls": [call]}, model=""), chunk(model="", usage=CHAT.usage)]


def messages(reason: str) -> list[bytes]:
    return [event.replace(b"end_turn", reason.encode()) for event in MESSAGES.closing(TEXTS)]


def response(status: str, **fields: object) -> dict[str, object]:
    return {**json.loads(RESPONSES.plain(TEXTS)), "status": status, **fields}


def gemini(**fields: object) -> bytes:
    return data({**json.loads(GEMINI.plain([""])), **fields})


def candidate(reason: str, **fields: object) -> dict[str, object]:
    return {"candidates": [{"index": 0, "finishReason": reason, **fields}]}


ERROR = {"message": WORDS, "type": "server_error"}
FILTERED = {"incomplete_details": {"reason": "content_filter"}}
CUT = {"incomplete_details": {"reason": "max_output_tokens"}}
CASES = {
    "chat stop": begun(CHAT, *chat("stop"), end=WHOLE),
    "chat length": begun(CHAT, *chat("length"), end=LIMITED),
    "chat content_filter": begun(CHAT, *chat("content_filter"), end=LIMITED),
    "chat error": begun(CHAT, data({"error": ERROR}), end=FAILED),
    "chat error, done": begun(CHAT, data({"error": ERROR}), DONE, end=FAILED),
    "chat error beside a choice": begun(
        CHAT, chunk({}, "error", model="", error=ERROR), chunk(model="", usage=CHAT.usage), DONE, end=FAILED_TOLD
    ),
    "chat error as reason": begun(CHAT, *chat("error"), end=FAILED_TOLD._replace(error="error")),
    "chat out of resources": begun(CHAT, *chat(SHORT), end=FAILED_TOLD._replace(error=SHORT)),
    "chat without end": begun(CHAT, end=ENDLESS),
    "chat done without end": begun(CHAT, DONE, end=ENDLESS),
    "chat calls, done without end": begun(CHAT, *called('{"a":1}'), DONE, end=LIMITED),  # openclaw/openclaw#98575
    "chat half a call, done without end": begun(CHAT, *called('{"a":'), DONE, end=ENDLESS_TOLD),
    "chat calls without end": begun(CHAT, *called('{"a":1}'), end=ENDLESS_TOLD),
    "chat broken": begun(CHAT, end=FAILED, ends=False),
    "messages end_turn": begun(MESSAGES, *messages("end_turn"), end=WHOLE),
    "messages max_tokens": begun(MESSAGES, *messages("max_tokens"), end=LIMITED),
    "messages refusal": begun(MESSAGES, *messages("refusal"), end=LIMITED),
    "messages error": begun(MESSAGES, typed("error", error={**ERROR, "type": "overloaded_error"}), end=FAILED),
    "messages without end": begun(MESSAGES, end=ENDLESS),
    "messages broken": begun(MESSAGES, end=FAILED, ends=False),
    "responses completed": begun(RESPONSES, *RESPONSES.closing(TEXTS), end=WHOLE),
    "responses incomplete": begun(RESPONSES, typed("response.incomplete", response=response("incomplete", **CUT)), end=LIMITED),
    "responses filtered": begun(RESPONSES, typed("response.incomplete", response=response("incomplete", **FILTERED)), end=LIMITED),
    "responses failed": begun(RESPONSES, typed("response.failed", response=response("failed", error=ERROR, usage=None)), end=FAILED),
    "responses error": begun(RESPONSES, typed("error", code="x", message=WORDS, param=None, sequence_number=9), end=FAILED),
    "responses without end": begun(RESPONSES, end=ENDLESS),
    "responses broken": begun(RESPONSES, end=FAILED, ends=False),
    "gemini STOP": begun(GEMINI, *GEMINI.closing(TEXTS), end=WHOLE),
    "gemini MAX_TOKENS": begun(GEMINI, gemini(**candidate("MAX_TOKENS")), end=LIMITED),
    "gemini SAFETY": begun(GEMINI, gemini(**candidate("SAFETY")), end=LIMITED),
    "gemini MALFORMED_FUNCTION_CALL": begun(
        GEMINI, gemini(**candidate("MALFORMED_FUNCTION_CALL", finishMessage=WORDS)), end=FAILED_TOLD
    ),
    "gemini blockReason": begun(GEMINI, gemini(candidates=[], promptFeedback={"blockReason": "SAFETY"}), end=LIMITED),
    "gemini error": begun(GEMINI, data({"error": {"code": 503, "message": WORDS, "status": "UNAVAILABLE"}}), end=FAILED),
    "gemini without end": begun(GEMINI, end=ENDLESS),
    "gemini without end, counted": begun(COUNTING_GEMINI, end=ENDLESS._replace(told=True)),
    "gemini broken": begun(GEMINI, end=FAILED, ends=False),
    "native stop": begun(NATIVE, *NATIVE.closing(TEXTS), end=WHOLE),
    "native error": begun(NATIVE, b"event:error\n" + data({"code": "x", "message": WORDS}), end=FAILED_TOLD),
    "native without end": begun(NATIVE, end=ENDLESS._replace(told=True)),
    "plain chat": Case(CHAT, answers(CHAT.plain(TEXTS)), WHOLE, stream=False),
    "plain response failed": Case(
        RESPONSES, answers(json.dumps(response("failed", error=ERROR)).encode()), FAILED_TOLD, stream=False
    ),
    "plain response incomplete": Case(RESPONSES, answers(json.dumps(response("incomplete", **CUT)).encode()), LIMITED, stream=False),
    "plain gemini MALFORMED_FUNCTION_CALL": Case(
        GEMINI,
        answers(gemini(**candidate("MALFORMED_FUNCTION_CALL", finishMessage=WORDS)).removeprefix(b"data: ")),
        FAILED_TOLD,
        stream=False,
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
async def test_the_end_means_the_same_to_all(provider, gateway, case):
    wire, end = case.wire, case.end
    upstream = await provider(case.answer)
    running = await gateway(wire.config(upstream.url, PLUGINS), keeps=True)
    path = wire.stream_path if case.stream else wire.path
    body = json.dumps(wire.body(stream=case.stream)).encode()
    first = await running.request("POST", path, body)
    assert first.status == (200 if case.stream or not end.failed else 502)
    await running.edge.settled()
    await until(lambda: len(running.rows) == 1)
    charged = await charges(running)
    again = await running.request("POST", path, body)
    await until(lambda: len(running.rows) == 2)
    row = running.rows[0]

    assert (
        (again.headers.get("x-aigw-cache", "").partition(";")[0] == "hit")
        == end.cached
        == (len(upstream.requests) == 1)
    )
    failures = sum(count for (name, _), count in running.env.metrics.counts().items() if name == "llm_failure_count")
    assert failures == len(upstream.requests) * end.failed
    assert (row.failed, row.outcome) == (end.failed, "failed" if end.failed else "complete")
    broken = WORDS if WORDS.encode() in first.body else "upstream_reset"
    assert row.error == (end.error or (broken if end.failed else ""))
    assert row.tokens.source == ("reported" if end.told else "estimated")
    assert charged == [row.tokens.input + row.tokens.output] * 2
    if end.told:
        assert charged[0] == INPUT + OUTPUT
    else:
        assert row.tokens.output == TokenCounter().count("".join(TEXTS), "gpt-4")


async def charges(running) -> list[int]:
    """What the limit and the budget have counted."""
    counter = running.env.stores.counter(Service("redis.static", 6379))
    keys = [key async for key in counter.keys("")]
    return [count.used for count in await counter.read(*sorted(keys))]


@pytest.mark.parametrize("wire", [CHAT, MESSAGES, RESPONSES], ids=str)
async def test_a_client_that_leaves_when_it_hears_of_the_failure(provider, gateway, wire):
    """SDKs raise at once, and close the connection: that is no client that changed its mind."""
    event = typed("error", error={**ERROR, "type": "overloaded_error"}) if wire is MESSAGES else data({"error": ERROR})
    upstream = await provider(stays_open(*wire.opening(), wire.piece("one"), event))
    running = await gateway(wire.config(upstream.url, {}), keeps=True)
    said = ""
    with pytest.raises((openai.APIError, anthropic.APIError), match=WORDS):
        async with aclosing(wire.read(running)) as texts:
            async for text in texts:
                said += text
    await upstream.all_closed()
    await until(lambda: running.rows != [])
    assert (said, running.rows[0].outcome, running.rows[0].error) == ("one", "failed", WORDS)


OPEN = {
    "pictures": ("/v1/images/generations", "image_generation.partial_image", "image_generation.completed"),
    "edits": ("/v1/images/edits", "image_edit.partial_image", "image_edit.completed"),
    "transcription": ("/v1/audio/transcriptions", "transcript.text.delta", "transcript.text.done"),
    "speech": ("/v1/audio/speech", "speech.audio.delta", "speech.audio.done"),
}
"""By name: the path, an event of a stream, and the one that ends it."""


@pytest.mark.parametrize("whole", [True, False])
@pytest.mark.parametrize("name", OPEN)
async def test_a_stream_of_pictures_or_speech_that_just_stops(provider, gateway, name, whole):
    path, before, last = OPEN[name]
    upstream = await provider(streams(typed(before, delta="a"), *([typed(last)] if whole else [])))
    running = await gateway(CHAT.config(upstream.url, {"ai-statistics": {}}), keeps=True)
    asked = json.dumps({"model": "gpt-image-1", "prompt": "hi", "input": "hi", "stream": True}).encode()
    answer = await running.request("POST", path, asked, content_type="application/json")
    assert (b"upstream_cut_off" in answer.body) == (not whole)
    await until(lambda: running.rows != [])
    row = running.rows[0]
    assert (row.outcome, row.error) == (("complete", "") if whole else ("failed", "upstream_cut_off"))
