"""Writes errors in the format of Anthropic's APIs."""

from __future__ import annotations

from typing import ClassVar

import msgspec

from aigw.core.errors import GatewayError
from aigw.dialects.generic import Generic
from aigw.dialects.openai_error import printable

_TYPES = {
    400: "invalid_request_error",
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    405: "invalid_request_error",
    413: "request_too_large",
    415: "invalid_request_error",
    429: "rate_limit_error",
    529: "overloaded_error",
}


class AnthropicGeneric(Generic):
    name: ClassVar[str] = "anthropic-generic"
    request_id_header: ClassVar[str] = "request-id"

    def error(self, error: GatewayError, request_id: str) -> bytes:
        kind = _TYPES.get(error.status, "api_error")
        what = {"type": kind, "message": printable(error.message)}
        return msgspec.json.encode({"type": "error", "error": what, "request_id": request_id})

    def error_event(self, error: GatewayError, request_id: str) -> bytes:
        return b"event: error\ndata: " + self.error(error, request_id) + b"\n\n"
