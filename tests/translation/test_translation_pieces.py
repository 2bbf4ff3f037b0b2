"""Pieces of text go a shorter way than all else: it leads to the same as the long one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from translating import frame, read

from aigw.dialects.sse import json_event
from aigw.dialects.typed_event import typed_event
from aigw.translation.chat.write_stream import ChatWriter
from aigw.translation.events import Counted, Started, TextDelta, ThinkingDelta
from aigw.translation.gemini.read_stream import GeminiReader
from aigw.translation.gemini.write_stream import ContentWriter
from aigw.translation.responses.read_stream import ResponsesStreamReader
from aigw.translation.responses.write_stream import ResponsesStreamWriter

TEXTS = st.lists(st.text() | st.sampled_from(["", '"', "\ud83d", "\n", "data: x"]), max_size=6)


def of_gemini(number, text, usage):
    """Every third has something beside the text."""
    part = {"text": text, **({"thought": True} if number % 3 == 2 else {})}
    used = {"usageMetadata": {"promptTokenCount": 3, "candidatesTokenCount": number}} if usage else {}
    return {"candidates": [{"content": {"parts": [part], "role": "model"}, "index": 0}], **used, "responseId": "r"}


def of_responses(number, text, usage):
    """Every third is of another part."""
    at = {"item_id": "m", "output_index": 0, "content_index": number % 3 // 2}
    return {"type": "response.output_text.delta", "sequence_number": number, **at, "delta": text, "logprobs": []}


@pytest.mark.parametrize(("reader", "made"), [(GeminiReader, of_gemini), (ResponsesStreamReader, of_responses)])
@given(texts=TEXTS, usage=st.booleans())
def test_it_is_read_as_any_event(reader, made, texts, usage):
    bodies = [made(number, text, usage) for number, text in enumerate(texts)]
    done = {
        "type": "response.output_item.done",
        "output_index": 0,
        "item": {"type": "message", "content": [{"text": "x"}]},
    }
    ends = [done] if reader is ResponsesStreamReader else []

    def events(bodies):
        it = reader(frame())
        found = read(it, *bodies, *ends) + it.end()
        counted = [event for event in found if isinstance(event, Counted)]
        return [event for event in found if not isinstance(event, Counted)], counted[-1:]

    assert events(bodies) == events([{**body, "more": 1} for body in bodies])


@given(texts=TEXTS, usage=st.booleans())
def test_it_is_written_as_any_event(texts, usage):
    head = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 7, "model": "m1"}
    rest = {"usage": None} if usage else {}
    at = {"item_id": "msg_1_0", "output_index": 0, "content_index": 0}

    def of_chat(text, number):
        return json_event(
            {**head, "choices": [{"index": 0, "delta": {"content": text}, "finish_reason": None}], **rest}
        )

    def of_gemini(text, number):
        candidate = {"content": {"parts": [{"text": text}], "role": "model"}, "index": 0}
        return json_event({"candidates": [candidate], "modelVersion": "m1", "responseId": "1"})

    def of_responses(text, number):
        body = {
            "type": "response.output_text.delta",
            "sequence_number": number + 5,
            **at,
            "delta": text,
            "logprobs": [],
        }
        return typed_event(body)

    for kind, made in ((ChatWriter, of_chat), (ContentWriter, of_gemini), (ResponsesStreamWriter, of_responses)):
        writer = kind(frame(stream=True, wants_usage=usage))
        writer.write(Started("x", "m1"))
        writer.write(TextDelta("first"))
        written = [chunk for text in texts for chunk in writer.write(TextDelta(text))]
        expected = [made(text, number) for number, text in enumerate(texts)]
        assert [list(chunk.json().items()) for chunk in written] == [list(chunk.json().items()) for chunk in expected]
        assert [chunk.raw.split(b"data:")[0] for chunk in written] == [
            chunk.raw.split(b"data:")[0] for chunk in expected
        ]


@pytest.mark.parametrize("kind", [ChatWriter, ContentWriter, ResponsesStreamWriter])
def test_another_choice_a_refusal_and_thoughts_go_the_long_way(kind):
    writer = kind(frame(stream=True))
    writer.write(Started("x", "m1"))
    writer.write(TextDelta("first"))
    refusal, again = writer.write(TextDelta("no", refusal=True)), writer.write(TextDelta("yes"))
    assert b"no" in b"".join(each.raw for each in refusal) and b"yes" in again[-1].raw
    if kind is not ResponsesStreamWriter:  # which has one choice
        assert b'"index":1' in b"".join(each.raw for each in writer.write(TextDelta("other", choice=1)))
    writer.write(ThinkingDelta("hm"))
    assert b"last" in writer.write(TextDelta("last"))[-1].raw
