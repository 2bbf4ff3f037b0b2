"""Answers that are not what their headers say: what can be read is read, the rest counts by its size."""

import gzip

import brotli
import pytest
from backports import zstd

from aigw.core.model import Chunk
from aigw.dialects.bodies import BodyReader, begins_events, is_coded
from aigw.dialects.openai_chat import CompletionsReader

EVENTS = b'data: {"choices":[{"delta":{"content":"Hi"}}]}\n\ndata: {"choices":[],"usage":{"prompt_tokens":3}}\n\n'


def read(*pieces, **headers):
    opened = []

    def open_reader(streaming):
        opened.append(CompletionsReader(streaming=streaming))
        return opened[-1]

    body = BodyReader(open_reader, {name.replace("_", "-"): value for name, value in headers.items()})
    for piece in pieces:
        body.feed((Chunk(piece),))
    body.end()
    assert len(opened) == 1
    return opened[0]


@pytest.mark.parametrize("step", [1, 7, 1000])
@pytest.mark.parametrize("coding", ["", "gzip"])
def test_events_are_read_whatever_they_are_called(coding, step):
    raw = gzip.compress(EVENTS) if coding else EVENTS
    pieces = [raw[at : at + step] for at in range(0, len(raw), step)]
    answer = read(*pieces, content_type="application/json", content_encoding=coding)
    assert (answer.text, answer.tokens.input, answer.unread) == ("Hi", 3, 0)


@pytest.mark.parametrize("coding", ["gzip", "zstd", "br"])
def test_a_coded_body_that_is_cut_off_before_anything_can_be_decoded_is_counted_by_its_size(coding):
    start = {"gzip": gzip.compress(EVENTS)[:10], "zstd": zstd.compress(EVENTS)[:-6], "br": brotli.compress(EVENTS)[:4]}
    answer = read(start[coding], content_type="text/event-stream", content_encoding=coding)
    assert (answer.text, answer.unread) == ("", len(start[coding]))


def test_an_event_that_is_cut_off_is_counted_by_its_size():
    answer = read(EVENTS[:60])
    assert (answer.text, answer.unread) == ("Hi", 60 - EVENTS.index(b"\n\n") - 2)


@pytest.mark.parametrize(
    ("headers", "unread"),
    [
        ({"content_type": "text/plain"}, 500),
        ({"content_type": "audio/mpeg"}, 1 + 2),
        ({"content_encoding": "x-new"}, 500),
        ({"content_encoding": "gzip"}, 500),
    ],
)
def test_what_cannot_be_read_is_passed_over(headers, unread):
    answer = read(b"x" * 200, b"x" * 300, **headers)
    assert (answer.unread, answer.text) == (unread, "")


def test_a_body_that_decodes_to_very_much_is_given_up():
    bomb = gzip.compress(b"{" + b" " * 200_000_000)
    assert read(bomb, content_encoding="gzip").unread == len(bomb)


END = b'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\n'


@pytest.mark.parametrize(
    ("coding", "raw"),
    [("gzip", EVENTS + END), ("br", EVENTS + END), ("gzip", gzip.compress(EVENTS + END)[:-8] + b"00000000"),
     ("zstd", zstd.compress(EVENTS) + b"something else"), ("gzip, gzip", gzip.compress(EVENTS + END))],
)  # fmt: skip
def test_what_no_client_can_decode_is_no_answer(coding, raw):
    reader = BodyReader(lambda streaming: CompletionsReader(streaming=streaming), {"content-encoding": coding})
    reader.feed((Chunk(raw),))
    reader.end()
    assert reader.flaw(sure=True) == "in the middle of its content coding"


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"data: x", True),
        (b"\xef\xbb\xbfdata: x", True),
        (b"\n: hello", True),
        (b"event: a", True),
        (b'{"data": 1}', False),
        (b"database: x", False),
    ],
)
def test_what_begins_events(body, expected):
    assert begins_events(body) is expected


def test_what_is_coded():
    assert is_coded({"content-encoding": "br"})
    assert not is_coded({"content-encoding": "identity"})
    assert not is_coded({"content-encoding": "UTF-8"})
    assert not is_coded({})
