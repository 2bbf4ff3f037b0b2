"""Answers of the provider `gemini`, beside the cases of tests/conformance."""

import json

import pytest

from aigw.core.model import Chunk
from aigw.translation.higress.gemini_answer import ChatStream, chat_of, embeddings_of, images_of


def candidate(*parts, reason="STOP"):
    return {"content": {"parts": list(parts)}, "finishReason": reason}


def whole(*candidates, **more):
    return chat_of({"candidates": list(candidates), **more}, model="g", created=7, new_id=lambda: "u")


def streamed(*bodies):
    ids = iter("abc")
    stream = ChatStream(model="g", created=7, new_id=lambda: next(ids))
    chunks = [Chunk(data, data) for body in bodies for data in [json.dumps(body).encode()]]
    return [chunk.json() for chunk in [*stream.feed(chunks), *stream.end()]]


def test_each_part_is_a_choice():
    answer = whole(
        candidate({"text": "a"}, {"inlineData": {"mimeType": "image/png", "data": "D"}}),
        candidate({"functionCall": {"name": "f"}}, reason="MALFORMED_FUNCTION_CALL"),
    )
    assert [(each["index"], each["message"].get("content"), each["finish_reason"]) for each in answer["choices"]] == [
        (0, "a", "stop"), (1, "D", "stop"), (2, None, "malformed_function_call"),
    ]  # fmt: skip
    assert answer["id"] == "chatcmpl-u"


def test_no_candidate_is_no_choice():
    assert whole(promptFeedback={"blockReason": "SAFETY"})["choices"] is None


def test_failures_are_told():
    error = {"error": {"code": 429, "status": "RESOURCE_EXHAUSTED", "message": "slow down"}}
    told = "error_code: 429, error_status:RESOURCE_EXHAUSTED, error_message: slow down"
    with pytest.raises(ValueError, match=told):
        whole(**error)
    with pytest.raises(ValueError, match=told):
        embeddings_of(error, model="e")
    (body,) = streamed(error)
    assert told in body["error"]["message"]


def test_events():
    call = {"functionCall": {"name": "f", "args": {}}}
    first, second, third = streamed(
        {"candidates": [candidate({"text": "a"}, {"text": "b"}, reason="")]},
        {"candidates": [candidate(call)]},
        {"usageMetadata": {"promptTokenCount": 1}},
    )
    assert first["choices"] == [{"index": 0, "delta": {"content": "a"}, "finish_reason": None, "logprobs": None}]
    assert second["choices"] == [{"index": 0, "delta": {"content": ""}, "finish_reason": "stop", "logprobs": None}]
    assert third["choices"] == [{"index": 0, "finish_reason": None, "logprobs": None}]
    assert [body["id"] for body in (first, second, third)] == ["chatcmpl-a", "chatcmpl-b", "chatcmpl-c"]


def test_embeddings_and_images():
    answer = embeddings_of({"embeddings": [{"values": [1.0]}, {"values": [2.0]}]}, model="e")
    assert [(each["index"], each["embedding"]) for each in answer["data"]] == [(0, [1.0]), (0, [2.0])]
    assert (answer["model"], answer["usage"]) == ("e", {})
    assert images_of({"predictions": [{"bytesBase64Encoded": "D", "mimeType": "image/png"}]}, created=7) == {
        "created": 7,
        "data": [{"b64_json": "D"}],
    }
