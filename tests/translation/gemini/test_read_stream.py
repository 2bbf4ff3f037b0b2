"""A stream of Gemini as events."""

import pytest
from translating import frame, read

from aigw.translation.envelope import sealed
from aigw.translation.events import (
    CallDelta,
    CallEnd,
    CallStart,
    Citation,
    Counted,
    Ended,
    Failed,
    Finished,
    Started,
    TextDelta,
    ThinkingDelta,
    ThinkingState,
)
from aigw.translation.gemini.read_stream import GeminiReader
from aigw.translation.rules import Rules


def events(*bodies):
    reader = GeminiReader(frame(rules=Rules(maker="gemini")))
    return read(reader, *bodies) + reader.end()


def said(*parts, **more):
    return {"candidates": [{"content": {"role": "model", "parts": list(parts)}, "index": 0, **more}]}


def call(name, args=None, **more):
    return {"functionCall": {"name": name, "args": args or {}}, **more}


S = sealed("gemini", "S")


def test_thoughts_text_and_calls():
    """gcli2api#407: the reason comes last, whatever chunk the call was in. router-for-me/CLIProxyAPI: the signature is
    on the part that follows the thoughts."""
    found = events(
        {**said({"text": "Hm", "thought": True}), "responseId": "r", "modelVersion": "v"},
        said(call("f", {"a": 1}, thoughtSignature="S"), call("f")),
        said({"text": ""}, finishReason="STOP"),
    )
    assert found == [
        Started("r", "v"),
        ThinkingDelta("Hm"),
        ThinkingState(S),
        CallStart(0, "", "f", state=S), CallDelta(0, '{"a":1}'), CallEnd(0),
        CallStart(1, "", "f"), CallDelta(1, "{}"), CallEnd(1),
        Finished("stop"),
        Ended(),
    ]  # fmt: skip


def test_a_signature_without_thoughts_stands_alone():
    found = events(said(call("f", thoughtSignature="S")))
    assert found[1:3] == [ThinkingState(S, redacted=True), CallStart(0, "", "f", state=S)]


def test_the_signature_of_a_text_is_not_kept():
    """lbjlaq/Antigravity-Manager#3337: with another text it is refused."""
    found = events(said({"text": "Hm", "thought": True}), said({"text": "yo", "thoughtSignature": "S"}))
    assert found[1:] == [ThinkingDelta("Hm"), ThinkingState(sealed("gemini")), TextDelta("yo"), Ended()]


@pytest.mark.parametrize(
    ("reason", "finish"),
    [("STOP", "stop"), ("MAX_TOKENS", "length"), ("SAFETY", "content_filter"), ("IMAGE_SAFETY", "content_filter")],
)
def test_reasons(reason, finish):
    assert events(said({"text": "a"}, finishReason=reason))[-2] == Finished(finish)


@pytest.mark.parametrize("reason", ["MALFORMED_FUNCTION_CALL", "UNEXPECTED_TOOL_CALL", "MALFORMED_RESPONSE"])
def test_a_failed_end_is_an_error(reason):
    """NousResearch/hermes-agent#83886."""
    (failed,) = [each for each in events(said(finishReason=reason)) if isinstance(each, Failed)]
    assert (failed.failure.status, reason in failed.failure.message) == (502, True)


def test_a_refused_prompt():
    found = events({"promptFeedback": {"blockReason": "SAFETY"}, "modelVersion": "v"})
    assert found == [Started("", "v"), Finished("content_filter"), Ended()]


def test_usage_is_that_of_the_last_event_and_thoughts_are_output():
    """Portkey-AI/gateway#1458, Wei-Shaw/sub2api#554."""
    first = {"promptTokenCount": 9, "totalTokenCount": 9}
    last = {"promptTokenCount": 9, "cachedContentTokenCount": 4, "candidatesTokenCount": 6, "thoughtsTokenCount": 190,
            "totalTokenCount": 205}  # fmt: skip
    found = events(
        {**said({"text": "a"}), "usageMetadata": first}, {**said(finishReason="STOP"), "usageMetadata": last}
    )
    tokens = [each.tokens for each in found if isinstance(each, Counted)][-1]
    assert (tokens.input, tokens.cache_read, tokens.output, tokens.reasoning) == (5, 4, 196, 190)


@pytest.mark.parametrize("wrap", [lambda body: body, lambda body: [body]])
def test_a_failure(wrap):
    (failed,) = events(wrap({"error": {"code": 503, "message": "busy", "status": "UNAVAILABLE"}}))[:1]
    assert (failed.failure.status, failed.failure.message) == (503, "busy")


def test_sources_are_told_once():
    web = {"groundingMetadata": {"groundingChunks": [{"web": {"uri": "https://a", "title": "A"}}, {"maps": {}}]}}
    found = events(said({"text": "a"}, **web), said({"text": "b"}, **web))
    assert [each for each in found if isinstance(each, Citation)] == [Citation("https://a", "A")]


def test_an_image_is_shown_as_text():
    found = events(said({"inlineData": {"mimeType": "image/png", "data": "QQ=="}}))
    assert found[1] == TextDelta("![image](data:image/png;base64,QQ==)")


def test_candidates_are_choices():
    body = {"candidates": [{"content": {"parts": [{"text": "a"}]}}, {"content": {"parts": [call("f")]}, "index": 1}]}
    assert events(body)[1:3] == [TextDelta("a"), CallStart(0, "", "f", 1)]


@pytest.mark.parametrize("body", ["1", "[]", '{"candidates": 1}', '{"candidates": [{"content": {"parts": [1]}}]}', "x"])
def test_what_is_no_answer_says_nothing(body):
    assert not [each for each in events(body) if not isinstance(each, Started | Ended)]


def test_why_there_is_no_answer():
    blocked = {"promptFeedback": {"blockReason": "SAFETY", "blockReasonMessage": "No."}}
    assert events(blocked)[1:3] == [TextDelta("No.", refusal=True), Finished("content_filter")]
    found = events(said({"text": "a"}, finishReason="SPII", finishMessage="A name."))
    assert TextDelta("A name.", refusal=True) in found


def test_parts_without_a_counterpart_are_noted():
    given = frame(rules=Rules(maker="gemini"))
    read(GeminiReader(given), said({"text": "a"}, {"executableCode": {"code": "1"}}))
    assert given.notes.lost == ["answer: executableCode"]
