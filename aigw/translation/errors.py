"""What a provider says of a failure, as an error that each client's format can tell.

Rule: the meaning is translated and the provider's words stay. A prompt that does not fit is the one failure by which
clients help themselves: they shorten the conversation, if they are told in their own words."""

from __future__ import annotations

import re

from aigw.core.answer import Failure
from aigw.core.errors import ContextTooLongError, GatewayError
from aigw.dialects.failures import failure_in_any, failure_of
from aigw.dialects.json_values import decoded

_TOO_LONG = (
    re.compile(
        r"`?max_tokens`? exceed context limit: (?P<tokens>[\d,]+) \+ (?P<answer>[\d,]+) > (?P<limit>[\d,]+)",
        re.IGNORECASE,
    ),
    re.compile(r"prompt is too long: (?P<tokens>[\d,]+) tokens > (?P<limit>[\d,]+)", re.IGNORECASE),
    re.compile(
        r"maximum context length is (?P<limit>[\d,]+) tokens\D*?(?P<all>[\d,]+) tokens"
        r"(?: \((?P<tokens>[\d,]+) in [^,]*, (?P<answer>[\d,]+) in )?",
        re.IGNORECASE,
    ),
    re.compile(r"input token count \(?(?P<tokens>[\d,]+)\)? exceeds [^\d]*\(?(?P<limit>[\d,]+)", re.IGNORECASE),
)
"""How vendors say it, with the numbers of the prompt and the most that fits."""
_WORDS = (
    "context_length_exceeded", "prompt is too long", "maximum context length", "context window", "exceed context limit",
    "input token count", "range of input length", "input is too long", "context length",
)  # fmt: skip


_OVER = ("exceed", "too long", "too large", "maximum", "should be")


def error_of(status: int, body: bytes) -> GatewayError:
    """Returns the error in the body of a provider's answer with this status."""
    try:
        value = decoded(body)
    except ValueError:
        value = body.decode("utf-8", "replace").strip()
    told = failure_in_any(value)
    failure = failure_of(value if told is None else told)
    return error_from(failure._replace(status=status))


def error_from(failure: Failure) -> GatewayError:
    """Returns the error for a failure that has a fitting status."""
    if failure.status in (400, 413, 422) and (found := too_long(failure)) is not None:
        return found
    kind = failure.kind or ("invalid_request_error" if failure.status < 500 else "api_error")
    return GatewayError(failure.status, failure.message, kind=kind, code=failure.code or None)


def too_long(failure: Failure) -> ContextTooLongError | None:
    """Returns the error if the failure says that the prompt does not fit."""
    words = f"{failure.code} {failure.kind} {failure.message}".lower()
    if not any(word in words for word in _WORDS):
        return None
    for pattern in _TOO_LONG:
        if found := pattern.search(failure.message):
            numbers = {name: int(text.replace(",", "")) for name, text in found.groupdict().items() if text}
            tokens, limit = numbers.get("tokens") or numbers["all"], numbers["limit"]
            answer = numbers.get("answer", 0) if tokens < limit else 0
            return ContextTooLongError(400, tokens, limit, said=failure.message, answer_tokens=answer)
    if failure.code != "context_length_exceeded" and not any(word in words for word in _OVER):
        return None
    return ContextTooLongError(400, 0, 0, said=failure.message)
