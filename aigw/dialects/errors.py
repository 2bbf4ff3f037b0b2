"""Writes errors in the formats of Anthropic's and of Gemini's APIs, also for APIs without a dialect of their own, and
in those of the services whose stand-ins clients call."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import msgspec

from aigw.core.dialect import Asked
from aigw.core.document import Document
from aigw.core.errors import ContextTooLongError, GatewayError
from aigw.core.model import Request
from aigw.dialects.generic import Generic, GenericView
from aigw.dialects.json_values import Json

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


NO_THREADS = "thread_unsupported_request"
"""The code of an error that Anthropic's SDKs look for: they send the whole conversation instead of going on in one that
the provider keeps."""


class AnthropicGeneric(Generic):
    name: ClassVar[str] = "anthropic-generic"
    request_id_header: ClassVar[str] = "request-id"

    def error(self, error: GatewayError, request_id: str) -> bytes:
        kind = _TYPES.get(error.status, "api_error")
        what: dict[str, object] = {"type": kind, "message": _anthropic_words(error)}
        if error.code == NO_THREADS:
            what["details"] = {"error_code": NO_THREADS}
        return msgspec.json.encode({"type": "error", "error": what, "request_id": request_id})

    def error_event(self, error: GatewayError, request_id: str) -> bytes:
        return b"event: error\ndata: " + self.error(error, request_id) + b"\n\n"


class GeminiGeneric(Generic):
    name: ClassVar[str] = "gemini-generic"

    def error(self, error: GatewayError, request_id: str) -> bytes:
        return gemini_error(error)

    def error_event(self, error: GatewayError, request_id: str) -> bytes:
        return gemini_error_event(error)


class Service(Generic):
    """The dialect of a stand-in. Its requests do not go to a model."""

    def asked(self, request: Request, api: str) -> Asked:
        return _NoModel(request, api)

    def error_event(self, error: GatewayError, request_id: str) -> bytes:
        return b"data: " + self.error(error, request_id) + b"\n\n"


class _NoModel(GenericView):
    __slots__ = ()

    @property
    def model(self) -> str:
        return ""


class DashVectorGeneric(Service):
    name: ClassVar[str] = "dashvector-generic"
    UNKNOWN = -999
    """The code of DashVector's SDK for an error that has no code of its own."""

    def error(self, error: GatewayError, request_id: str) -> bytes:
        return msgspec.json.encode({"code": self.UNKNOWN, "message": error.message, "request_id": request_id})


class DashScopeGeneric(Service):
    name: ClassVar[str] = "dashscope-generic"
    CODES: ClassVar[Mapping[int, str]] = {
        401: "InvalidApiKey", 403: "AccessDenied", 404: "InvalidURL", 413: "InvalidParameter", 429: "Throttling",
    }  # fmt: skip

    def error(self, error: GatewayError, request_id: str) -> bytes:
        code = self.CODES.get(error.status) or ("InternalError" if error.status >= 500 else "InvalidParameter")
        return msgspec.json.encode({"code": code, "message": error.message, "request_id": request_id})


def refuse_threads(body: Document | Json) -> None:
    """Raises GatewayError if a request wants a conversation to be kept that only Anthropic keeps: one that goes on has
    its newest message alone, and others would answer without the rest."""
    if body.get("thread"):
        why = "this provider keeps no conversations; send the whole conversation without it"
        raise GatewayError(400, f"thread: {why}", code=NO_THREADS, param="thread")


def gemini_error(error: GatewayError) -> bytes:
    status = _STATUSES.get(error.status) or ("INTERNAL" if error.status >= 500 else "INVALID_ARGUMENT")
    return msgspec.json.encode({"error": {"code": error.status, "message": _google_words(error), "status": status}})


def gemini_error_event(error: GatewayError) -> bytes:
    """Returns the end of a failed stream in Google's form. The error is not in a `data:` line, because Google's SDKs
    for Go and, in 1.x, for Node.js would take it for an answer without text. No blank line follows, because 2.x would
    skip an error that arrives together with a text."""
    return gemini_error(error) + b"\n"


def _anthropic_words(error: GatewayError) -> str:
    """Claude Code compacts a conversation where it reads "prompt is too long", asks for a shorter answer where it reads
    "exceed context limit", and takes the numbers from both."""
    if not isinstance(error, ContextTooLongError):
        return error.message
    behind = f" ({error.said})" if error.said else ""
    if error.answer_tokens:
        sizes = f"{error.tokens} + {error.answer_tokens} > {error.limit}"
        return f"input length and `max_tokens` exceed context limit: {sizes}{behind}"
    sizes = f": {error.tokens} tokens > {error.limit} maximum" if error.tokens and error.limit else ""
    return f"prompt is too long{sizes}{behind}"


def _google_words(error: GatewayError) -> str:
    if isinstance(error, ContextTooLongError) and error.tokens and error.limit:
        most = f"the maximum number of tokens allowed ({error.limit})"
        return f"The input token count ({error.tokens}) exceeds {most}."
    return error.message
