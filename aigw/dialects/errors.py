"""Writes errors in the formats of Anthropic's and of Gemini's APIs, also for APIs without a dialect of their own."""

from __future__ import annotations

from typing import ClassVar

import msgspec

from aigw.core.errors import GatewayError
from aigw.dialects.generic import Generic

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

_STATUSES = {
    400: "INVALID_ARGUMENT", 401: "UNAUTHENTICATED", 402: "FAILED_PRECONDITION", 403: "PERMISSION_DENIED",
    404: "NOT_FOUND", 408: "DEADLINE_EXCEEDED", 409: "ABORTED", 413: "INVALID_ARGUMENT", 429: "RESOURCE_EXHAUSTED",
    499: "CANCELLED", 500: "INTERNAL", 501: "UNIMPLEMENTED", 502: "UNAVAILABLE", 503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED", 529: "UNAVAILABLE",
}  # fmt: skip
"""Google's names for HTTP statuses."""


class AnthropicGeneric(Generic):
    name: ClassVar[str] = "anthropic-generic"
    request_id_header: ClassVar[str] = "request-id"

    def error(self, error: GatewayError, request_id: str) -> bytes:
        kind = _TYPES.get(error.status, "api_error")
        what = {"type": kind, "message": error.message}
        return msgspec.json.encode({"type": "error", "error": what, "request_id": request_id})

    def error_event(self, error: GatewayError, request_id: str) -> bytes:
        return b"event: error\ndata: " + self.error(error, request_id) + b"\n\n"


class GeminiGeneric(Generic):
    name: ClassVar[str] = "gemini-generic"

    def error(self, error: GatewayError, request_id: str) -> bytes:
        return gemini_error(error)

    def error_event(self, error: GatewayError, request_id: str) -> bytes:
        return b"data: " + gemini_error(error) + b"\n\n"


def gemini_error(error: GatewayError) -> bytes:
    status = _STATUSES.get(error.status) or ("INTERNAL" if error.status >= 500 else "INVALID_ARGUMENT")
    return msgspec.json.encode({"error": {"code": error.status, "message": error.message, "status": status}})
