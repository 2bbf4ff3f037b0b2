"""A request is settled once, with what it used, before its answer ends: on every path that it can take."""

import asyncio
import gzip
import json
import zlib

import brotli
import pytest
from backports import zstd
from fakes import Answer, FakeUpstream, WordCounter, answer_json, answered, chat, events, make_exchange, terminal

from aigw.core.errors import UpstreamError, UpstreamFault
from aigw.core.model import Origin, Route, Target
from aigw.metering.meter import ReadOfProvider, SeenByClient
from aigw.metering.spending import follow

ROUTE = Route("test", "", Target(Origin("http", "127.0.0.1", 1), ""))
USAGE = {"prompt_tokens": 40, "completion_tokens": 6, "total_tokens": 46}
QUESTION = {"model": "m", "messages": [{"role": "user", "content": "one two three"}]}
COMPLETION = {"choices": [{"index": 0, "message": {"role": "assistant", "content": "a b c d"}}], "usage": USAGE}
BROKEN = UpstreamError(UpstreamFault.RESET, "broke")


def delta(text, **more):
    return {"choices": [{"index": 0, "delta": {"content": text}}], **more}


class Stage:
    """One request to an upstream with this script."""

    def __init__(self, *script, meter=ReadOfProvider, path="/v1/chat/completions"):
        self.exchange = make_exchange(chat(QUESTION, path=path), route=ROUTE)
        self.next = terminal(FakeUpstream(*script))
        self.make_meter = meter
        self.settled = []
        self.counter = WordCounter()

    async def settle(self, spent):
        self.settled.append(spent.tokens)

    async def reply(self):
        read = self.make_meter is ReadOfProvider
        meter = ReadOfProvider(self.exchange, self.counter) if read else self.make_meter()
        return await follow(self.exchange, self.next, self.settle, meter)

    async def close(self):
        await self.exchange.aclose()
        await self.exchange.settled()


@pytest.mark.parametrize("meter", [ReadOfProvider, SeenByClient])
async def test_a_plain_answer_is_settled_before_it_is_given(meter):
    stage = Stage(answer_json(COMPLETION), meter=meter)
    reply = await stage.reply()
    assert stage.settled == [46]
    assert json.loads(await reply.body()) == COMPLETION
    await stage.close()
    assert stage.settled == [46]


@pytest.mark.parametrize("meter", [ReadOfProvider, SeenByClient])
@pytest.mark.parametrize("done", [False, True])
async def test_a_stream_is_settled_before_its_last_event(meter, done):
    stage = Stage(events(delta("a"), delta("b", usage=USAGE), done=done), meter=meter)
    reply = await stage.reply()
    seen = [(batch[-1].data, list(stage.settled)) async for batch in reply]
    assert [settled for data, settled in seen if data != b"[DONE]"] == [[], []]
    assert [settled for data, settled in seen if data == b"[DONE]"] == ([[46]] if done else [])
    assert stage.settled == [46]
    await stage.close()
    assert stage.settled == [46]


@pytest.mark.parametrize(
    ("path", "last"),
    [
        ("/v1/messages", b'event: message_stop\ndata: {"type":"message_stop"}\n\n'),
        (
            "/v1/responses",
            b'data: {"type": "response.completed", "response": {"usage": {"input_tokens": 40, "output_tokens": 6}}}\n\n',
        ),
    ],
)
async def test_other_dialects_have_a_last_event_too(path, last):
    usage = {"type": "message_start", "message": {"usage": {"input_tokens": 40, "output_tokens": 6}}}
    stage = Stage(events(usage, last, done=False), path=path)
    reply = await stage.reply()
    settled = [list(stage.settled) async for _ in reply]
    assert settled == [[], [46]]
    await stage.close()


async def test_usage_that_is_split_over_pieces_counts():
    text = f"data: {json.dumps({'usage': USAGE})}\n\n".encode()
    stage = Stage(Answer(headers={"content-type": "text/event-stream"}, pieces=[text[:30], text[30:]]))
    await (await stage.reply()).body()
    assert stage.settled == [46]
    await stage.close()


async def test_the_client_that_leaves_pays_for_what_was_made():
    stage = Stage(events(delta("a b"), delta("c"), delta("d", usage=USAGE)))
    reply = await stage.reply()
    await anext(aiter(reply))
    assert stage.settled == []
    await stage.close()
    assert stage.settled == [3 + 2]


async def test_where_nothing_can_be_counted_the_answer_still_comes_and_frees_what_is_held():
    class NoVocabulary(WordCounter):
        def count(self, text, model=""):
            raise OSError("no vocabulary")

    stage = Stage(events(delta("a b")))
    stage.counter = NoVocabulary()
    assert b"a b" in await (await stage.reply()).body()
    assert stage.settled == [0]
    await stage.close()


async def test_the_client_that_leaves_before_it_reads():
    stage = Stage(events(delta("a b")))
    await stage.reply()
    await stage.close()
    assert stage.settled == [0]


async def test_a_stream_that_breaks_is_settled_before_it_says_so():
    stage = Stage(Answer(headers={"content-type": "text/event-stream"}, pieces=[
        f"data: {json.dumps(delta('a b'))}\n\n".encode(), BROKEN]))  # fmt: skip
    reply = await stage.reply()
    with pytest.raises(UpstreamError):
        await reply.body()
    assert stage.settled == [5]
    await stage.close()
    assert stage.settled == [5]


@pytest.mark.parametrize("error", [BROKEN, RuntimeError("a bug")])
async def test_what_fails_is_settled_with_nothing(error):
    stage = Stage(Answer(error=error))
    with pytest.raises(type(error)):
        await stage.reply()
    assert stage.settled == [0]
    await stage.close()


async def test_an_error_of_the_provider_costs_nothing():
    stage = Stage(answer_json({"error": {"message": "no"}}, 500))
    await (await stage.reply()).body()
    assert stage.settled == [0]
    await stage.close()


async def test_an_answer_without_usage_is_estimated_but_not_as_higress_does():
    body = {"choices": COMPLETION["choices"]}
    for meter, tokens in ((ReadOfProvider, 3 + 4), (SeenByClient, 0)):
        stage = Stage(answer_json(body), meter=meter)
        await stage.reply()
        assert stage.settled == [tokens]
        await stage.close()


async def test_higress_charges_no_answer_without_an_end():
    stage = Stage(events(delta("a", usage=USAGE), delta("b")), meter=SeenByClient)
    reply = await stage.reply()
    await anext(aiter(reply))
    await stage.close()
    assert stage.settled == [0]


async def test_bytes_that_nobody_reads_are_settled_after_the_last_one():
    stage = Stage(Answer(headers={"content-type": "audio/mpeg", "content-length": "3"}, pieces=[b"abc"]))
    reply = await stage.reply()
    assert reply.headers["content-length"] == "3"
    assert await reply.body() == b"abc"
    await stage.close()
    assert stage.settled == [3 + 1], "the prompt, and an estimate by the size"


def deflated(body):
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return packer.compress(body) + packer.flush()


CODINGS = {
    "": ("", bytes), "gzip": ("gzip", gzip.compress), "zlib": ("deflate", zlib.compress), "raw": ("deflate", deflated),
    "br": ("br", brotli.compress), "zstd": ("zstd", zstd.compress),
    "both": ("br, gzip", lambda body: gzip.compress(brotli.compress(body))),
}  # fmt: skip
USES = json.dumps(COMPLETION).encode()
STREAM = b"".join(events(delta("a b"), delta("c d"), {"choices": None, "usage": USAGE}).pieces)
BODIES = {
    "plain": USES,
    "infinite": USES[:-1] + b', "logprob": -Infinity, "nan": NaN}',
    "with a mark": b"\xef\xbb\xbf" + USES,
    "no UTF-8": USES[:-1] + b', "x": "\xff"}',
    "events": STREAM,
    "events with CRLF": b": hello\r\n\r\n" + STREAM.replace(b"\n", b"\r\n"),
}


@pytest.mark.parametrize(
    "kind", ["application/json", "text/event-stream", "application/octet-stream", "text/plain", None]
)
@pytest.mark.parametrize("body", BODIES)
@pytest.mark.parametrize("coding", CODINGS)
async def test_usage_is_read_however_the_answer_is_coded_and_labelled(coding, body, kind):
    name, encode = CODINGS[coding]
    if kind == "text/event-stream" and not body.startswith("events") and not name:
        return  # a stream that is none
    raw = encode(BODIES[body])
    headers = {"content-type": kind, "content-encoding": name}
    stage = Stage(
        Answer(headers={key: each for key, each in headers.items() if each}, pieces=[raw[:9], raw[9:30], raw[30:]])
    )
    reply = await stage.reply()
    assert await reply.body() == raw, "its bytes are passed on as they came"
    await stage.close()
    assert stage.settled == [46]
    assert stage.exchange.answer.tokens.source == "reported"


@pytest.mark.parametrize(
    ("headers", "raw", "read"),
    [
        ({"content-type": "application/json", "content-encoding": "x-unknown"}, b"x" * 40, 10),
        ({"content-type": "application/json", "content-encoding": "gzip"}, b"x" * 40, 10),
        ({"content-type": "application/json"}, USES[:40], 10),
        ({"content-type": "text/html"}, b"<html>" * 4, 6),
        ({"content-type": "audio/mpeg"}, b"x" * 4000, 4),
        ({"content-type": "text/event-stream"}, b"data: " + USES[:34], 10),
    ],
)
async def test_what_cannot_be_read_is_estimated_by_its_size(headers, raw, read):
    stage = Stage(Answer(headers=headers, pieces=[raw]))
    assert await (await stage.reply()).body() == raw
    await stage.close()
    assert stage.settled == [3 + read]


async def test_an_event_that_is_cut_off_after_a_megabyte_is_estimated():
    text = b'data: {"choices":[{"delta":{"content":"' + b"x" * 1_200_000
    stage = Stage(Answer(headers={"content-type": "text/event-stream"}, pieces=[text, BROKEN]))
    with pytest.raises(UpstreamError):
        await (await stage.reply()).body()
    await stage.close()
    assert stage.settled == [3 + -(-len(text) // 4)]


async def test_what_was_read_of_the_provider_counts():
    stage = Stage(answer_json({"hidden": True}))
    inner = stage.next

    async def metered(exchange):
        reply = await inner(exchange)
        usage = {
            "input_tokens": 10,
            "output_tokens": 5,
            "cache_read_input_tokens": 100,
            "cache_creation_input_tokens": 7,
        }
        answered(exchange, {"usage": usage}, streaming=False)
        return reply

    stage.next = metered
    await stage.reply()
    assert stage.settled == [15]
    await stage.close()


async def test_openais_cached_tokens_are_input():
    usage = {**USAGE, "prompt_tokens_details": {"cached_tokens": 30}}
    stage = Stage(answer_json({**COMPLETION, "usage": usage}))
    await stage.reply()
    assert stage.settled == [46]
    await stage.close()


async def test_a_request_that_is_cancelled_while_it_waits_is_settled():
    stage = Stage(answer_json(COMPLETION))
    asked = asyncio.Event()

    async def stuck(exchange):
        asked.set()
        await asyncio.Event().wait()

    stage.next = stuck
    task = asyncio.create_task(stage.reply())
    await asked.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await stage.close()
    assert stage.settled == [0]


async def test_a_request_that_is_cancelled_while_it_settles_is_settled_once():
    stage = Stage(answer_json(COMPLETION))
    began, go = asyncio.Event(), asyncio.Event()

    async def slow(spent):
        began.set()
        await go.wait()
        stage.settled.append(spent.tokens)

    stage.settle = slow
    task = asyncio.create_task(stage.reply())
    await began.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    go.set()
    await stage.close()
    assert stage.settled == [46]


async def test_a_plugin_further_out_that_raises_changes_nothing():
    stage = Stage(events(delta("a b"), done=False))
    reply = await stage.reply()
    del reply
    await stage.close()
    assert len(stage.settled) == 1
