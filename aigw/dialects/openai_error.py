"""An error as OpenAI's APIs answer it: `{"error": {message, type, param, code}}`."""

from __future__ import annotations

import msgspec

from aigw.core.errors import GatewayError

JSON = "application/json"


def error_body(error: GatewayError) -> bytes:
    message = printable(error.message)
    return msgspec.json.encode(
        {"error": {"message": message, "type": error.kind, "param": error.param, "code": error.code}}
    )


def error_event(error: GatewayError) -> bytes:
    """OpenAI's SDKs raise on such an event in mid-stream."""
    return b"data: " + error_body(error) + b"\n\n"


def printable(message: str) -> str:
    """The message as it can be written: it may quote bytes that are no text."""
    return message.encode("utf-8", "replace").decode()
