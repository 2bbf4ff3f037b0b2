"""Reads a provider's failure into an error that can be written in each client's format.

Rule: the meaning is translated, and the provider's words stay. A prompt that is too long is the one failure that
clients solve by themselves: they shorten the conversation if they recognize the message."""

from __future__ import annotations

import re
from math import ceil

from aigw.core.answer import Failure
from aigw.core.errors import ContextTooLongError, GatewayError
from aigw.dialects.failures import failure_in_any, failure_of
from aigw.dialects.json_values import decoded

_NUMBER = r"[\d,]+"


def _pattern(words: str) -> re.Pattern[str]:
    """TOKENS, ANSWER, ALL and LIMIT stand for numbers: of the prompt, the answer, both, and the most that fits."""
    return re.compile(re.sub(r"TOKENS|ANSWER|ALL|LIMIT", lambda name: f"(?P<{name[0].lower()}>{_NUMBER})", words), re.I)


_TOO_LONG = tuple(
    map(
        _pattern,
        (
            r"`?max_tokens`? exceed context limit: TOKENS \+ ANSWER > LIMIT",
            r"prompt is too long: TOKENS tokens > LIMIT",
            r"maximum context length is LIMIT tokens\D*?ALL tokens(?: \(TOKENS in [^,]*, ANSWER in )?",
            r"input token count \(?TOKENS\)? exceeds [^\d]*\(?LIMIT",
            r"model token limit: LIMIT \(requested: ALL\)",
            r"maximum prompt length is LIMIT but the request contains TOKENS tokens",
            r"\(TOKENS tokens\) exceeds the available context size \(LIMIT tokens\)",
            r"input \(TOKENS tokens\) is longer than the model's context length \(LIMIT tokens\)",
            r"prompt contains TOKENS tokens.*too large for model with LIMIT maximum context length",
        ),
    )
)
"""The messages with numbers in which vendors say that a prompt is too long."""
_WAIT = re.compile(rb'"retryDelay"\s*:\s*"(\d{1,6}(?:\.\d{1,9})?)s"')
_WORDS = (
    "context_length_exceeded", "prompt is too long", "maximum context length", "context window", "exceed context limit",
    "input token count", "range of input length", "input is too long", "context length", "model token limit",
    "maximum prompt length", "available context size", "reduce the length of the messages", "prompt exceeds",
    "max message tokens",
)  # fmt: skip
_OVER = (
    "exceed", "too long", "too large", "maximum", "should be", "reduce the length", "longer than", "greater than",
)  # fmt: skip
"""An error is one of a long prompt if it has some of both, or the numbers."""


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


def wait_in(body: bytes) -> int:
    """Returns the seconds after which Google wants a request to be repeated, 0 if it does not say. It has them in the
    body, where others have a header."""
    found = _WAIT.search(body)
    return ceil(float(found[1])) if found is not None else 0


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
