"""Writes errors in OpenAI's format: `{"error": {message, type, param, code}}`."""

from __future__ import annotations

import msgspec

from aigw.core.errors import ContextTooLongError, GatewayError

JSON = "application/json"


def error_body(error: GatewayError) -> bytes:
    what = {"message": _words(error), "type": error.kind, "param": error.param, "code": error.code}
    return msgspec.json.encode({"error": what})


def _words(error: GatewayError) -> str:
    """LiteLLM, and so aider, knows by these words of OpenAI's that a conversation is too long, not by the code."""
    if not isinstance(error, ContextTooLongError) or "maximum context length is" in error.message:
        return error.message
    most = f"{error.limit} tokens" if error.limit else "exceeded"
    return f"This model's maximum context length is {most}. {error.message}"


def error_event(error: GatewayError) -> bytes:
    """Returns an error event. OpenAI's SDKs raise an error when they read it in a stream."""
    return b"data: " + error_body(error) + b"\n\n"
