"""Errors in the shapes of Anthropic and of the services that stand-ins answer for."""

import json

import pytest
from multidict import CIMultiDict

from aigw.core.errors import ContextTooLongError, GatewayError
from aigw.core.model import Request
from aigw.dialects.errors import AnthropicGeneric, DashScopeGeneric, DashVectorGeneric, GeminiGeneric


@pytest.mark.parametrize(
    ("status", "kind"),
    [(400, "invalid_request_error"), (401, "authentication_error"), (402, "billing_error"), (403, "permission_error"),
     (404, "not_found_error"), (413, "request_too_large"), (429, "rate_limit_error"), (529, "overloaded_error"),
     (500, "api_error"), (502, "api_error"), (418, "api_error")],
)  # fmt: skip
def test_the_type_of_a_status(status, kind):
    error = GatewayError(status, "half \ud83d", kind="not told", code="not told")
    body = AnthropicGeneric().error(error, "req-1")
    assert json.loads(body) == {"type": "error", "error": {"type": kind, "message": "half �"}, "request_id": "req-1"}
    assert AnthropicGeneric().error_event(error, "req-1") == b"event: error\ndata: " + body + b"\n\n"


def test_an_sdk_learns_that_it_must_send_the_whole_conversation():
    error = GatewayError(400, "no threads", code="thread_unsupported_request")
    told = json.loads(AnthropicGeneric().error(error, "req-1"))["error"]
    assert told["details"] == {"error_code": "thread_unsupported_request"}


def test_the_services_that_stand_ins_answer_for():
    refused = GatewayError(401, "no key")
    assert json.loads(DashVectorGeneric().error(refused, "id")) == {
        "code": -999,
        "message": "no key",
        "request_id": "id",
    }
    for status, code in (
        (401, "InvalidApiKey"),
        (404, "InvalidURL"),
        (400, "InvalidParameter"),
        (502, "InternalError"),
    ):
        told = json.loads(DashScopeGeneric().error(GatewayError(status, "no"), "id"))
        assert told == {"code": code, "message": "no", "request_id": "id"}
    assert DashScopeGeneric().error_event(refused, "id").startswith(b'data: {"code":"InvalidApiKey"')


def test_their_requests_name_no_model():
    request = Request("POST", "/api/v1/services/embeddings/x", "", CIMultiDict(), b'{"model": "m"}')
    request.headers["content-type"] = "application/json"
    assert DashScopeGeneric().asked(request, "").model == ""


def test_a_prompt_that_is_too_long_is_said_in_the_words_that_clients_know():
    error = ContextTooLongError(400, 140, 128)
    told = json.loads(AnthropicGeneric().error(error, "id"))["error"]
    assert told == {"type": "invalid_request_error", "message": "prompt is too long: 140 tokens > 128 maximum"}
    told = json.loads(GeminiGeneric().error(error, "id"))["error"]
    assert told["message"] == "The input token count (140) exceeds the maximum number of tokens allowed (128)."
    assert (error.message, error.code) == (
        "This model's maximum context length is 128 tokens. Your request had approximately 140 tokens.",
        "context_length_exceeded",
    )
