"""The errors for answers of status 200 that have failed.

Rule: what a provider said is told in short and on one line, without the keys that it may quote."""

from __future__ import annotations

from aigw.core.answer import Failure
from aigw.core.errors import FailedAnswerError, GatewayError
from aigw.core.exchange import Exchange
from aigw.core.model import Chunk
from aigw.core.redaction import Redaction, hidden_in
from aigw.core.reply import Reply
from aigw.dialects.answer_texts import IDENTIFIER
from aigw.dialects.bodies import begins_events, is_coded
from aigw.dialects.json_end import JsonEnd

MAX_SHOWN = 300
"""Characters of a body that cannot be used, and of an error, that a client gets."""


def failed(exchange: Exchange, failure: Failure | None = None) -> FailedAnswerError:
    """Returns the error that the provider reported in its answer. None: the one that the reader of the answer found."""
    if failure is None and exchange.answer is not None:
        failure = exchange.answer.failure
    assert failure is not None
    message = _on_one_line(exchange, failure.message)
    return FailedAnswerError(failure.status, message, kind=failure.kind, code=failure.code)


def without_answer(exchange: Exchange, how: str, words: str, told: GatewayError | None = None) -> FailedAnswerError:
    """`how` says what happened, `words` what the provider said before. `told` is what broke the stream off, if anything
    did."""
    said = _on_one_line(exchange, words)
    status, code = (told.status, told.code or "") if told is not None else (502, "upstream_cut_off")
    return FailedAnswerError(status, f"{how}: {said}" if said else how, code=code)


def unusable(exchange: Exchange, reply: Reply, body: bytes) -> FailedAnswerError:
    """Returns the error for a body that is no answer."""
    coded = is_coded(reply.headers)
    text = "" if coded else _on_one_line(exchange, _excerpt(body))
    kind = reply.headers.get("content-type", "") or "no content type"
    said = text or ("a coded body" if body else "an empty body")
    message = f"the provider answered {reply.status}, but not with an answer ({kind}): {said}"
    return FailedAnswerError(502, message, code="upstream_cut_off" if not coded and _is_cut(body) else "")


def _excerpt(body: bytes) -> str:
    """Returns what helps to see what a body is: the words of a page, but of JSON and events nothing that a model may
    have written."""
    if begins_events(body):
        return f"{len(body)} bytes of events"
    if not _is_json(body):
        return body.decode("utf-8", "replace").strip()
    value = Chunk(body, body).json()
    if value is None:
        return f"{len(body)} bytes " + ("of JSON that is cut off" if _is_cut(body) else "that begin as JSON")
    names = [name for name in value if IDENTIFIER.fullmatch(name)] if isinstance(value, dict) else []
    return f"JSON with {', '.join(names)}" if names else "JSON without names"


def _is_cut(body: bytes) -> bool:
    """Whether a body without an answer was cut off: in the middle of a JSON value or of events, or before it began."""
    if begins_events(body) or not body:
        return True
    end = JsonEnd()
    end.feed(body)
    return _is_json(body) and end.open


def _is_json(body: bytes) -> bool:
    return body.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] in (b"{", b"[")


def _on_one_line(exchange: Exchange, text: str) -> str:
    """Returns what the provider said on one line, without our keys."""
    secrets = exchange.answer.secrets if exchange.answer is not None else ()
    text = hidden_in(text.encode("utf-8", "replace"), secrets).decode("utf-8", "replace")
    redaction = Redaction([secret.decode() for secret in secrets])
    redaction.learn_headers(exchange.request.headers)
    return " ".join(redaction.text(text, MAX_SHOWN).split())
