"""Error bodies in the caller's own shape, the only one that its SDK reads.

The family of a request decides: "anthropic" for its Messages API, "openai" for everything else."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from aigw.core.errors import GatewayError

JSON = "application/json"

_ANTHROPIC_TYPES = {
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


def family_of(path: str, headers: Mapping[str, str]) -> str:
    """ "anthropic" or "openai": whose SDK is asking."""
    if "/v1/messages" in path or path.endswith("/v1/complete"):
        return "anthropic"
    if "anthropic-version" in headers and "/chat/completions" not in path:
        return "anthropic"
    return "openai"


def error_body(family: str, error: GatewayError, request_id: str) -> bytes:
    """The JSON body of an answer that is an error."""
    return msgspec.json.encode(_error_object(family, error, request_id))


def error_event(family: str, error: GatewayError, request_id: str) -> bytes:
    """The event that tells a client in mid-stream that the stream broke. Both families' SDKs raise on it."""
    body = error_body(family, error, request_id)
    return b"event: error\ndata: " + body + b"\n\n" if family == "anthropic" else b"data: " + body + b"\n\n"


def _error_object(family: str, error: GatewayError, request_id: str) -> dict[str, object]:
    message = error.message.encode("utf-8", "replace").decode()  # it may quote bytes that are no text
    if family == "anthropic":
        kind = _ANTHROPIC_TYPES.get(error.status, "api_error")
        return {"type": "error", "error": {"type": kind, "message": message}, "request_id": request_id}
    return {"error": {"message": message, "type": error.kind, "param": error.param, "code": error.code}}
