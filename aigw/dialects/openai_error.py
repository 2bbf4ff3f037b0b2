"""Writes errors in OpenAI's format: `{"error": {message, type, param, code}}`."""

from __future__ import annotations

import msgspec

from aigw.core.errors import GatewayError

JSON = "application/json"


def error_body(error: GatewayError) -> bytes:
    what = {"message": error.message, "type": error.kind, "param": error.param, "code": error.code}
    return msgspec.json.encode({"error": what})


def error_event(error: GatewayError) -> bytes:
    """Returns an error event. OpenAI's SDKs raise an error when they read it in a stream."""
    return b"data: " + error_body(error) + b"\n\n"
