"""A body is decoded once, a path is classified once, a batch is scanned once, and an event is decoded once at most,
however many plugins want to know what stands in them: counted while the gateway runs."""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

import msgspec
import pytest
from stage.answers import answers, streams
from stage.gateway import until
from stage.wires import CHAT, CONSUMER, COUNTING_GEMINI, MESSAGES, RESPONSES, DashScope

import aigw
from aigw.core.document import Document
from aigw.dialects import paths
from aigw.dialects.reader import AnswerReader

OURS = aigw.__path__[0]
TEXTS = ["one two ", "three ", "four"]
REDIS = {"service_name": "redis.static", "service_port": 6379}
PLUGINS = {
    "ai-statistics": {"use_default_attributes": True, "enable_path_suffixes": ["*"]},
    "ai-cache": {"redis": {"serviceName": "redis.static", "servicePort": 6379}},
    "ai-token-ratelimit": {"rule_name": "r", "global_threshold": {"token_per_day": 10**6}, "redis": REDIS},
}
NATIVE = DashScope(incremental=True)


class Watch:
    """What aigw does. `decoded` has each JSON text that it decodes, `elsewhere` the functions that decode what is not
    known here, `documents` the bodies of requests that were split into fields, `looked_through` how often all names of
    one were looked at, `scanned` each batch that a reader was fed."""

    def __init__(self) -> None:
        self.decoded: Counter[bytes] = Counter()
        self.elsewhere: set[str] = set()
        self.documents: list[bytes] = []
        self.scanned: list[Any] = []
        self.detected = 0
        self.looked_through = 0

    def __call__(self, frame: FrameType, event: str, arg: Any) -> None:
        code, names = frame.f_code, frame.f_locals
        if event == "c_call":
            if _is_decoding(arg) and code.co_filename.startswith(OURS):
                self._decode(code.co_qualname, names)
        elif event == "call" and code is paths.read.__code__:
            self.detected += 1
        elif event == "call" and code is Document.__init__.__code__:
            self.documents.append(names["source"])
        elif event == "call" and code is AnswerReader.feed.__code__:
            self.scanned.append(names["batch"])

    def _decode(self, place: str, names: dict[str, Any]) -> None:
        if place == "Chunk.json":
            self.decoded[names["self"].data] += 1
        elif place == "decoded":  # a body, the fields of a Document, or the value of one
            self.decoded[names["source"]] += 1
        elif place == "Document.refuse_duplicate_names":
            self.looked_through += 1
        elif place == "HigressUsage.feed":
            self.decoded[names["data"]] += 1
        else:
            self.elsewhere.add(place)


def _is_decoding(function: Any) -> bool:
    owner = getattr(function, "__self__", None)
    return function is msgspec.json.decode or (
        isinstance(owner, msgspec.json.Decoder) and function.__name__ == "decode"
    )


@contextmanager
def watched() -> Iterator[Watch]:
    watch = Watch()
    sys.setprofile(watch)
    try:
        yield watch
    finally:
        sys.setprofile(None)


async def seen(wire, provider, gateway, *, stream, path=""):
    """What the gateway does for a request, until it is written down; and the request's body."""
    upstream = await provider(streams(*wire.events(TEXTS)) if stream else answers(wire.plain(TEXTS)))
    running = await gateway(wire.config(upstream.url, PLUGINS, prices={"*": {"input": 1, "output": 1}}), keeps=True)
    body = json.dumps(wire.body(stream=stream)).encode()
    with watched() as watch:
        answer = await running.request("POST", path or (wire.stream_path if stream else wire.path), body, **CONSUMER)
        await running.edge.settled()
        await until(lambda: running.rows != [])
    assert (answer.status, answer.headers["x-aigw-cache"][:4]) == (200, "miss")
    return watch, body


STREAM = pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])


@STREAM
@pytest.mark.parametrize("wire", [CHAT, MESSAGES, RESPONSES, COUNTING_GEMINI], ids=str)
async def test_once(provider, gateway, wire, stream):
    watch, body = await seen(wire, provider, gateway, stream=stream)
    assert watch.detected == 1
    assert watch.documents == [body]
    assert watch.looked_through == 1
    assert watch.elsewhere == set()
    twice = [text for text, times in watch.decoded.items() if times > 1]
    assert [text for text in twice if text[:1] in b"{["] == []  # a flag or a name may be, in two copies of a request
    assert any(b"four" in text for text in watch.decoded)
    assert len(watch.scanned) == len({id(batch) for batch in watch.scanned}) > 0


@STREAM
async def test_what_is_translated_is_decoded_once_in_each_form(provider, gateway, stream):
    watch, _ = await seen(NATIVE, provider, gateway, stream=stream)
    assert watch.detected == 1
    answered = {text: times for text, times in watch.decoded.items() if b'"choices"' in text}
    assert set(answered.values()) == {1}
    assert {b'"output"' in text for text in answered} == {True, False}
    assert watch.elsewhere == set()


async def test_a_path_without_its_version_is_classified_once(provider, gateway):
    watch, _ = await seen(CHAT, provider, gateway, stream=False, path="/chat/completions")
    assert watch.detected == 1
