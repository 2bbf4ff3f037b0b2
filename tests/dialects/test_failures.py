"""The shapes in which vendors write a failure, the status that fits each, and what is no failure."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aigw.core.answer import Failure
from aigw.dialects.failures import (
    failure_in,
    failure_in_any,
    failure_in_event,
    failure_of,
    is_failed_end,
    is_resource,
    message_in,
    with_line,
    words_in,
)
from aigw.dialects.sse import Event

SHAPES = {
    "openai": ({"error": {"message": "no", "type": "server_error", "code": None}}, Failure(502, "no", "server_error")),
    "beside choices": ({"choices": [{}], "error": {"message": "no", "code": 503}}, Failure(503, "no")),
    "vllm": ({"object": "error", "message": "no", "code": 404}, Failure(404, "no")),
    "flat": ({"type": "error", "message": "no"}, Failure(502, "no", "error")),
    "anthropic": (
        {"type": "error", "error": {"type": "overloaded_error", "message": "no"}},
        Failure(529, "no", "overloaded_error"),
    ),
    "minimax": ({"base_resp": {"status_code": 1002, "status_msg": "no"}}, Failure(429, "no", "", "base_resp 1002")),
    "baidu": ({"error_code": 18, "error_msg": "no"}, Failure(429, "no", "", "error_code 18")),
    "minimax, another number": (
        {"base_resp": {"status_code": 1, "status_msg": "no"}},
        Failure(502, "no", "", "base_resp 1"),
    ),
    "gemini": ({"error": {"code": 429, "message": "no", "status": "RESOURCE_EXHAUSTED"}}, Failure(429, "no")),
    "gemini without number": ({"error": {"message": "no", "status": "RESOURCE_EXHAUSTED"}}, Failure(429, "no")),
    "dashscope": ({"code": "InvalidApiKey", "message": "no"}, Failure(401, "no", "", "InvalidApiKey")),
    "text": ({"error": "no"}, Failure(502, "no")),
    "fastapi": ({"detail": "no"}, Failure(502, "no")),
    "cloudflare": ({"success": False, "errors": [{"code": 7000, "message": "no"}]}, Failure(502, "no")),
    "digits": ({"error": {"message": "no", "code": "429"}}, Failure(429, "no", "", "429")),
}


@pytest.mark.parametrize("name", SHAPES)
def test_shapes(name):
    body, expected = SHAPES[name]
    assert failure_of(failure_in(body)) == expected


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"error": None},
        {"base_resp": {"status_code": 0, "status_msg": ""}, "choices": []},
        {"error_code": 0},
        {"code": "", "message": "", "output": {}},
        {"code": 200, "message": "ok", "data": [1]},
        {"message": "hello"},
        {"success": True, "errors": []},
    ],
)
def test_what_is_no_failure(body):
    assert failure_in(body) is None


values = st.sampled_from([None, False, True, 0, 3, "", "x", "error", {}, {"status_code": 1}, [], [{"error": "x"}]])
names = ["object", "type", "choices", "base_resp", "error_code", "success", "errors", "code", "message", "detail", "id"]


@given(st.dictionaries(st.sampled_from(names), values, max_size=4))
def test_an_empty_error_changes_nothing(body):
    """Neither that it is there, nor that each sign is then looked for by itself."""
    with_error = {**body, "error": None}
    found = failure_in(with_error)
    assert failure_in(body) == (body if found is with_error else found)


@pytest.mark.parametrize("reason", ["error", "abort", "CANCELLED", "canceled", "network_error", "timeout", "failed"])
def test_ends_that_failed(reason):
    assert is_failed_end(reason)


@pytest.mark.parametrize(
    "reason", ["", "stop", "length", "eos", "end_turn", "content_filter", "tool_calls", "sensitive"]
)
def test_ends_that_did_not_fail(reason):
    assert not is_failed_end(reason)


@pytest.mark.parametrize("body", [{"error": {"message": "no"}}, {"error": "no"}, [{"error": {"message": "no"}}]])
def test_a_line_more(body):
    raw = json.dumps(body).encode()
    assert message_in(raw) == "no"
    assert message_in(with_line(raw, "b: 500")) == "no\nb: 500"


@pytest.mark.parametrize("body", [b"", b"<p>", b"{}", b"[]", b"5"])
def test_a_body_without_a_message_stays(body):
    assert (message_in(body), with_line(body, "x")) == ("", body)


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (b'data: {"error":"no"}\n\n', "no"),
        (b'data: [{"error":"no"}]\n\n', "no"),
        (b'event: error\ndata: {"message":"no"}\n\n', {"message": "no"}),
        (b"id: 1\r\nevent:error\r\ndata: no\r\n\r\n", "no"),
        (b"event: error\n\n", "error"),
        (b"event: errors\ndata: {}\n\n", None),
        (b'data: "event: error"\n\n', None),
        (b"data: []\n\n", None),
        (b": event: error\n\n", None),
    ],
)
def test_events_that_are_a_failure(raw, expected):
    assert failure_in_event(Event(raw)) == expected


@pytest.mark.parametrize(
    ("data", "expected"),
    [("busy", "busy"), ('{"msg":"busy"}', "busy"), ('{"id":"x"}', ""), ("null", ""), ("", ""), ("[]", ""),
     ('{"message":{"message":"busy"}}', "busy"), ('{"type":"message_start","message":{"type":"message","id":"m"}}', "")],
)  # fmt: skip
def test_the_words_of_an_event(data, expected):
    assert words_in(Event(f"data: {data}\n\n".encode())) == expected


@pytest.mark.parametrize(
    "body",
    [{"error": "x"}, [{"error": "x"}], {"Message": "x"}, {"msg": "x", "code": 7}, {"message": "x", "data": None}, {"ret": -1, "msg": "x"},
     {"Response": {"Error": {"Code": "X"}}}, {"header": {"code": 1, "message": "x"}}, {"fault": {"faultstring": "x"}},
     {"message": "x", "status": "failed"}, {"detail": "x"}, {"errors": {"message": "x"}}, {"ok": False, "description": "x"},
     {"id": "1", "message": "x"}, {"title": "Unauthorized", "status": 401}, {"throttlingException": {"message": "x"}},
     {"ResponseMetadata": {"RequestId": "r", "Error": {"Code": "x"}}}],
)  # fmt: skip
def test_bodies_of_any_api_that_failed(body):
    assert failure_in_any(body) is not None


@pytest.mark.parametrize(
    "body",
    [None, 5, "x", [], {}, {"text": "x"}, {"id": "x", "message": "queued"}, {"task_id": "x", "message": "ok"}, {"message": "ok"},
     {"code": 0, "msg": "done"}, {"success": True, "message": "done"}, {"data": [1], "message": "x"}, {"header": {"code": 0}},
     {"status": "processing", "message": "wait"}, {"header": {"code": 0, "message": "x"}, "data": []}],
)  # fmt: skip
def test_bodies_of_any_api_that_did_not_fail(body):
    assert failure_in_any(body) is None


def test_a_number_without_end_is_no_status():
    assert failure_of({"message": "x", "code": "4" * 5000}).status == 502


@pytest.mark.parametrize("body", [{"id": "b", "object": "batch"}, {"id": "m", "type": "message_batch", "error": {}}])
def test_what_is_kept(body):
    assert is_resource(body)


@pytest.mark.parametrize(
    "body", [None, [], {"object": "list"}, {"id": "x", "error": "y"}, {"id": "x", "object": "error"}]
)
def test_what_is_not_kept(body):
    assert not is_resource(body)
