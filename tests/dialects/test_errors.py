"""Errors in Anthropic's shape: the type follows from the status, as its API has it."""

import json

import pytest

from aigw.core.errors import GatewayError
from aigw.dialects.errors import AnthropicGeneric


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
