"""A stream that has failed says so in the events that SDKs read."""

import pytest
from fakes import chat, make_exchange

from aigw.dialects.openai_error import error_event
from aigw.dialects.readable_failures import ReadableFailures, anthropic_reads, openai_reads
from aigw.dialects.sse import Event

PIECE = b'data: {"choices":[{"index":0,"delta":{"content":"a"}}]}\n\n'
BARE = b'{"error":{"message":"busy"}}\n\n'
UNNAMED = b'data: {"error":{"message":"busy"}}\n\n'
NAMED = b'event: error\ndata: {"type":"error","error":{"message":"busy"}}\n\n'
FLAT = b'data: {"code":503,"message":"busy"}\n\n'


def shown(raw, reads):
    exchange = make_exchange(chat({"stream": True}))
    answer = exchange.wire.reader(exchange.asked, streaming=True)
    decoder = ReadableFailures(answer, reads, error_event)
    batch = [Event(PIECE), Event(raw)]
    answer.feed(batch)
    return b"".join(event.raw for event in [*decoder.feed(batch), *decoder.end()])


@pytest.mark.parametrize(("raw", "reads"), [(NAMED, anthropic_reads), (NAMED, openai_reads), (UNNAMED, openai_reads)])
def test_what_clients_read_stays(raw, reads):
    assert shown(raw, reads) == PIECE + raw
    assert shown(PIECE, reads) == PIECE + PIECE


@pytest.mark.parametrize(
    ("raw", "reads"),
    [(BARE, openai_reads), (FLAT, openai_reads), (BARE, anthropic_reads), (UNNAMED, anthropic_reads)],
)  # fmt: skip
def test_what_clients_would_pass_over_becomes_an_error_of_their_format(raw, reads):
    told = shown(raw, reads)
    assert told.startswith(PIECE + b'data: {"error":{"message":"busy"')
    assert b"\n{" not in told
