"""An answer that was cut off at any byte, in each framing and format: it is complete, and kept by the cache, only if it is
whole. Otherwise the client is told, the books say that it failed, and nothing of it is kept."""

import gzip
import json
from typing import NamedTuple

import brotli
import pytest
from backports import zstd
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from stage.answers import DONE, data
from stage.gateway import until
from stage.wires import CHAT, COMPLETIONS, GEMINI, MESSAGES, MODEL, RESPONSES, DashScope, Wire, typed

from aigw.dialects.sse import EventSplitter

TEXTS = ["one {", 'two ]\\"']
CACHE = {"ai-cache": {"redis": {"serviceName": "redis.static", "servicePort": 6379}}}
FRAMINGS = ("http/1.0", "close", "chunked", "chunked, broken", "length too long")
BROKEN = ("chunked, broken", "length too long")
"""Framings that say by themselves that something is missing."""
ARRAY = f"/v1beta/models/{MODEL}:streamGenerateContent"


class Body(NamedTuple):
    """`ends` is after how many of the events the answer is whole. None: after the last bracket."""

    wire: Wire
    events: list[bytes]
    ends: int | None
    path: str = ""
    kind: bytes = b"text/event-stream"

    @property
    def raw(self) -> bytes:
        return b"".join(self.events)

    def is_complete(self, size: int, framing: str) -> bool:
        """Whether a client has all. Behind the last event, with or without its blank line, it does not matter how the
        body ends. Where the framing breaks, this is the very last one."""
        left = self.raw[:size].rstrip()
        if self.ends is None or framing in BROKEN:
            return left == self.raw.rstrip()
        ends = range(self.ends, len(self.events) + 1)
        return any(left == b"".join(self.events[:count]).rstrip() for count in ends)


def said(text, finish=None):
    return data({"choices": [{"delta": {"content": text}, "finish_reason": finish}]})


def answered(text, **end):
    return {"candidates": [{"content": {"parts": [{"text": text}]}, **end}]}


def native(text, finish):
    return data({"output": {"choices": [{"message": {"content": text}, "finish_reason": finish}]}})


OUTPUT = [{"type": "message", "content": [{"type": "output_text", "text": "a"}]}]
NATIVE = DashScope(incremental=True)
ELEMENTS = [
    b"[",
    json.dumps(answered("a\\}")).encode(),
    b"\n,\r\n",
    json.dumps(answered("]", finishReason="STOP")).encode(),
    b"]\n",
]
SHORT = {
    "chat": Body(CHAT, [said("a}"), said("", "stop"), DONE], 2),
    "completions": Body(
        COMPLETIONS, [data({"choices": [{"text": "a"}]}), data({"choices": [{"text": "", "finish_reason": "stop"}]}), DONE], 2
    ),
    "messages": Body(
        MESSAGES,
        [
            typed("content_block_delta", index=0, delta={"type": "text_delta", "text": "a"}),
            typed("message_delta", delta={"stop_reason": "end_turn"}),
            typed("message_stop"),
        ],
        3,
    ),
    "responses": Body(
        RESPONSES,
        [
            typed("response.output_text.delta", delta="a"),
            typed("response.completed", response={"status": "completed", "output": OUTPUT}),
        ],
        2,
    ),
    "gemini events": Body(
        GEMINI, [data(answered("a")), data(answered("", finishReason="STOP"))], 2, GEMINI.stream_path
    ),
    "gemini array": Body(GEMINI, ELEMENTS, None, ARRAY, b"application/json"),
    "native qwen": Body(NATIVE, [native("a", "null"), native("b", "stop")], 2),
}  # fmt: skip
LONG = {
    "chat": Body(CHAT, CHAT.events(TEXTS), 4),
    "messages": Body(MESSAGES, MESSAGES.events(TEXTS), 7),
    "responses": Body(RESPONSES, RESPONSES.events(TEXTS), 7),
    "native qwen": Body(NATIVE, NATIVE.events(TEXTS), 3),
}


def framed(raw, framing, kind, coding=""):
    head = b"HTTP/1.1 200 OK\r\ncontent-type: %b\r\n" % kind
    if coding:
        head += b"content-encoding: %b\r\n" % coding.encode()
    if framing.startswith("chunked"):
        piece = b"%x\r\n%b\r\n" % (len(raw), raw) if raw else b""
        return head + b"transfer-encoding: chunked\r\n\r\n" + piece + (b"" if framing in BROKEN else b"0\r\n\r\n")
    if framing.startswith("length"):
        return head + b"content-length: %d\r\n\r\n" % (len(raw) + 9 * (framing in BROKEN)) + raw
    return (head.replace(b"1.1", b"1.0") if framing == "http/1.0" else head) + b"connection: close\r\n\r\n" + raw


class Cutter:
    """A provider that sends what it is told next, and a gateway before it. `wrong` is what was not as it must be."""

    def __init__(self, upstream, running):
        self.upstream = upstream
        self.running = running
        self.wrong = []
        self.failed = {}

    async def ask(self, path, body, raw, name):
        self.next = raw
        asked = len(self.upstream.requests)
        got = await self.running.request("POST", path, body)
        if len(self.upstream.requests) == asked:
            self.wrong.append((name, "an answer before this one was kept"))
        return got

    def expect(self, got, name, *, failed, told):
        self.failed[got.headers["x-aigw-request-id"]] = (name, failed)
        if failed != told:
            self.wrong.append((name, got.status, got.body, got.truncated))

    async def check(self):
        rows = self.running.rows
        await until(lambda: len(rows) >= len(self.failed))
        for row in rows:
            name, failed = self.failed[row.id]
            ok = row.error in ("upstream_cut_off", "upstream_reset") if failed else row.outcome == "complete"
            if row.failed != failed or not ok:
                self.wrong.append((name, row.outcome, row.error))
        assert self.wrong[:5] == []


@pytest.fixture
def cutter(provider, gateway):
    """One for each configuration."""
    made = {}

    async def start(wire, *, bare=False):
        if (found := made.get((wire, bare))) is not None:
            return found

        async def script(peer):
            await peer.send(one.next)
            peer.writer.close()

        upstream = await provider(script)
        config = wire.config(upstream.url, CACHE)
        if bare:
            config = {"plugins": CACHE, "routes": [{"name": "own", "match": {"path": "/*"}, "upstream": upstream.url}]}
        one = made[wire, bare] = Cutter(upstream, await gateway(config, keeps=True))
        return one

    return start


def is_told(body, got):
    """Whether the client of a stream is told that it failed. Half an event is never sent."""
    if got.status >= 400 or got.truncated:
        return True
    if body.ends is None:
        return "error" in json.loads(got.body)[-1]
    splitter = EventSplitter()
    events = splitter.feed(got.body + b"\n\n")
    assert all(event.data in (None, b"[DONE]") or event.json() is not None for event in events), got.body
    return b'"error"' in [event for event in events if event.data is not None][-1].raw


async def cut(cutter, body, size, framing):
    path = body.path or body.wire.stream_path
    asked = json.dumps(body.wire.body(stream=True)).encode()
    got = await cutter.ask(path, asked, framed(body.raw[:size], framing, body.kind), (framing, size))
    failed = not body.is_complete(size, framing)
    cutter.expect(got, (framing, size), failed=failed, told=is_told(body, got))


@pytest.mark.parametrize("bare", [False, True], ids=["ai-proxy", "bare"])
@pytest.mark.parametrize("body", SHORT.values(), ids=SHORT.keys())
async def test_each_position_of_a_short_stream(cutter, body, bare):
    if bare and body.wire is NATIVE:
        return  # a route without ai-proxy converts nothing
    # each position in one framing, in turns
    made = await cutter(body.wire, bare=bare)
    for start, framing in enumerate(FRAMINGS):
        for size in range(start, len(body.raw) + 1, len(FRAMINGS) * (4 if bare else 1)):
            if not body.is_complete(size, framing):
                await cut(made, body, size, framing)
    await made.check()


@pytest.mark.parametrize("body", LONG.values(), ids=LONG.keys())
@given(cuts=st.lists(st.tuples(st.sampled_from(FRAMINGS), st.floats(0, 1)), min_size=5, max_size=15))
@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_any_position_of_a_long_stream(cutter, body, cuts):
    made = await cutter(body.wire)
    for framing, share in cuts:
        size = int(share * len(body.raw))
        if not body.is_complete(size, framing):
            await cut(made, body, size, framing)
    await made.check()


@pytest.mark.parametrize("body", [*SHORT.values(), *LONG.values()], ids=[*SHORT, *(f"long {name}" for name in LONG)])
async def test_what_is_whole_is_complete_and_kept(cutter, body):
    made = await cutter(body.wire)
    for framing in FRAMINGS:
        for size in [size for size in range(len(body.raw) + 1) if body.is_complete(size, framing)]:
            name, asked = (framing, size), json.dumps(body.wire.body(f"{framing} {size}", stream=True)).encode()
            made.next = framed(body.raw[:size], framing, body.kind)
            asked = asked.replace(b"Hello!", b"%d %b" % (size, framing.encode()))
            before = len(made.upstream.requests)
            for _ in range(2):
                got = await made.running.request("POST", body.path or body.wire.stream_path, asked)
                made.expect(got, name, failed=False, told=is_told(body, got))
                await made.running.edge.settled()
            if (len(made.upstream.requests) == before + 1) != (body.path != ARRAY):  # no array is kept
                made.wrong.append((name, "not kept"))
    await made.check()


@pytest.mark.parametrize("bare", [False, True], ids=["ai-proxy", "bare"])
@pytest.mark.parametrize("wire", [CHAT, MESSAGES, RESPONSES, GEMINI], ids=str)
async def test_each_tenth_position_of_a_plain_answer(cutter, part, wire, bare):
    made, raw, body = await cutter(wire, bare=bare), wire.plain(TEXTS), json.dumps(wire.body()).encode()
    for place, framing in enumerate(FRAMINGS):
        for size in {*part(range(1, len(raw), 10), place), len(raw) - 1, *([len(raw)] if framing in BROKEN else ())}:
            got = await made.ask(wire.path, body, framed(raw[:size], framing, b"application/json"), (framing, size))
            made.expect(got, (framing, size), failed=True, told=got.status >= 400 or got.truncated)
    await made.check()


CODINGS = {"gzip": gzip.compress, "br": brotli.compress, "zstd": zstd.compress}


@pytest.mark.parametrize("bare", [False, True], ids=["ai-proxy", "bare"])
@pytest.mark.parametrize("coding", CODINGS)
@pytest.mark.parametrize(
    "body", [SHORT["chat"], SHORT["messages"], SHORT["gemini array"]], ids=["chat", "messages", "array"]
)
async def test_a_coded_stream_that_cannot_be_told_inside_is_closed_rudely(cutter, part, body, coding, bare):
    made, raw = await cutter(body.wire, bare=bare), CODINGS[coding](body.raw)
    path, asked = body.path or body.wire.stream_path, json.dumps(body.wire.body(stream=True)).encode()
    for place, framing in enumerate((*FRAMINGS, "length")):
        for size in {*part(range(0, len(raw), 7), place), len(raw) - 1, len(raw)}:
            failed = size < len(raw)  # a whole one is complete, however its framing ends
            answer = framed(raw[:size], framing, body.kind, coding)
            got = await made.ask(path, asked, answer, (framing, size))
            made.expect(got, (framing, size), failed=failed, told=got.status >= 400 or got.truncated)
    half = CODINGS[coding](body.raw[: len(body.raw) // 2])
    for framing in ("http/1.0", "chunked", "length"):
        got = await made.ask(path, asked, framed(half, framing, body.kind, coding), (framing, "half"))
        made.expect(got, (framing, "half"), failed=True, told=got.status >= 400 or got.truncated)
    await made.check()
