"""Finds the failure in an answer whose status says that it succeeded. Vendors write it in many shapes.

Rule: an answer has failed where it says so, whatever else is in it. The codes 0 and 200 are no error."""

from __future__ import annotations

import re
from typing import Any

from aigw.core.answer import Failure
from aigw.core.model import Chunk
from aigw.core.pace import LARGE
from aigw.dialects.json_values import decoded, encoded

Json = dict[str, Any]

MARKS = (b'"error', b'"base_resp"', b'"success":false', b'"success": false', b'"detail"', b'"message"')
"""An event that is an error contains one of these."""
_HINTS = (b"error", b'"base_resp"', b'"success"', b'"detail"', b'"message"')
"""An event without any of these is no failure, and need not be decoded. They are counted, because `count` is faster
than `in`, which first tries to read the bytes as a number."""

_FINE = (None, False, 0, 200, "", "0", "200", "success", "ok")
_GOOD = (
    "ok", "success", "succeeded", "processing", "pending", "queued", "running", "started", "in_progress", "completed",
)  # fmt: skip
"""Words for a state that is no failure."""
_FRAMES = ("Response", "ResponseMetadata", "header", "ErrorMsg", "Error", "fault")
"""The fields in which some vendors put all that they say of a failure."""
_WORDS = ("message", "msg", "detail", "error_msg", "errmsg", "error_message", "faultstring")
_STATES = ("code", "ret", "status")
_IDS = frozenset(("id", "task_id"))
_ANSWERS = ("choices", "output", "data", "content", "candidates")
"""The fields that have an answer. A body with one of them has not failed because of a code beside it."""
_MESSAGES = (
    "message", "msg", "error_msg", "status_msg", "detail", "error", "Message", "Msg", "errmsg", "error_message",
    "faultstring", "code", "Code", "type",
)  # fmt: skip
_NUMBERS = ("status", "status_code", "statusCode", "http_code", "code")
_STATUSES = (
    (429, ("rate", "quota", "throttl", "exhausted", "too_many")),
    (529, ("overloaded",)),
    (503, ("unavailable",)),
    (401, ("authenticat", "api_key", "apikey", "unauthorized")),
    (402, ("billing", "payment", "balance")),
    (403, ("permission", "forbidden", "denied")),
    (404, ("not_found", "notfound")),
    (504, ("timeout", "deadline")),
    (400, ("invalid", "context_length", "bad_request", "content_filter")),
)
"""The status that fits a type or code that contains one of the words. The first match counts."""

_VENDORS_NUMBERS = {
    "base_resp 1002": 429, "base_resp 1004": 401, "base_resp 1008": 402, "base_resp 1039": 429, "base_resp 2013": 400,
    "error_code 17": 429, "error_code 18": 429, "error_code 110": 401, "error_code 111": 401,
    "error_code 336003": 400, "error_code 336100": 503,
}  # fmt: skip
"""The status that fits MiniMax's and Baidu's own numbers."""
_FAILED_ENDS = ("error", "abort", "cancel", "fail", "timeout", "timed_out", "malformed", "interrupt", "system_resource")

_SIGNS = frozenset(("error", "base_resp", "error_code", "success", "errors", "message", "detail"))
"""The names by which a body reports a failure. A body without them can report one only in its type or in a choice."""

_NAMED_ERROR = re.compile(rb"(?:^|[\r\n])event: ?error[ \t]*[\r\n]")


def failure_in(body: Json) -> Any:
    """Returns the failure that a body reports, None if there is none."""
    if _SIGNS.isdisjoint(body):  # nearly every answer: one look instead of ten takes 0.2 us less
        said_so = body.get("object") == "error" or body.get("type") == "error"
        return body if said_so else _in_choices(body.get("choices"))
    if error := body.get("error"):
        return error
    if body.get("object") == "error" or body.get("type") == "error":
        return body
    base = body.get("base_resp")
    if isinstance(base, dict) and base.get("status_code") not in _FINE:
        return _numbered("base_resp", base["status_code"], base.get("status_msg"))
    if body.get("error_code") not in _FINE:
        return _numbered("error_code", body["error_code"], body.get("error_msg"))
    errors = body.get("errors")
    if body.get("success") is False or (isinstance(errors, list | dict) and errors):
        return errors[0] if isinstance(errors, list) and errors else errors or body
    if (error := _in_choices(body.get("choices"))) is not None:
        return error
    return body if _is_bare(body) else None


def _in_choices(choices: Any) -> Any:
    """Returns the error of a choice, or of its message, None if there is none."""
    for choice in choices if isinstance(choices, list) else ():
        if isinstance(choice, dict):
            said = choice.get("delta") or choice.get("message")
            if error := choice.get("error") or (isinstance(said, dict) and said.get("error")):
                return error
    return None


def _numbered(name: str, number: Any, message: Any) -> Json:
    code = f"{name} {number}"
    return {"message": message, "code": code, "status": _VENDORS_NUMBERS.get(code)}


def is_failed_end(reason: str) -> bool:
    """Whether a reason for the end of an answer, by whatever name a vendor has for it, says that the answer failed."""
    lower = reason.lower()
    return any(word in lower for word in _FAILED_ENDS)


def failure_in_any(body: Any) -> Any:
    """Returns the failure that a body of any API reports, None if there is none. A body with nothing but a message
    counts as a failure."""
    if isinstance(body, list) and body:
        body = body[0]
    if not isinstance(body, dict):
        return None
    if (found := failure_in(body)) is not None:
        return found
    nested = next((body[name] for name in _FRAMES if isinstance(body.get(name), dict)), None)
    if nested is not None and (nested.get("Error") or _says_failure(nested)):
        return nested.get("Error") or nested
    thrown = next((value for name, value in body.items() if name.endswith("Exception")), None)
    if isinstance(thrown, dict) and thrown.get("message"):
        return thrown
    if body.keys() <= {"id", "message"} and _says_failure(body):
        return body
    return body if _is_flat(body) and (_says_failure(body) or _names_failure(body)) else None


def is_resource(body: Any) -> bool:
    """Whether a body is something that the provider keeps, such as a batch or a job. If it has failed, the request for
    it has not."""
    if not isinstance(body, dict) or not body.get("id"):
        return False
    return body.get("object", body.get("type")) not in (None, "error")


def _says_failure(body: Json) -> bool:
    """Whether a body has a message, and no word that all is well."""
    words = {name.lower(): value for name, value in body.items() if value not in (None, "")}
    if words.get("success") is True or any(name in words and _is_fine(words[name]) for name in _STATES):
        return False
    return any(isinstance(words.get(name), str) and not _is_fine(words[name]) for name in _WORDS)


def _names_failure(body: Json) -> bool:
    """Whether a body has the status of an error, or says that all is not well."""
    numbers = [body[name] for name in _NUMBERS if isinstance(body.get(name), int)]
    return body.get("ok") is False or any(400 <= number <= 599 for number in numbers)


def _is_flat(body: Json) -> bool:
    """Whether a body has neither an id nor anything that holds more than one value."""
    return not any(isinstance(value, dict | list) and value for value in body.values()) and not body.keys() & _IDS


def _is_fine(value: Any) -> bool:
    return value in _FINE or (isinstance(value, str) and value.lower() in _GOOD)


def may_fail(raw: bytes) -> bool:
    """Whether one of these events may be a failure, seen without decoding them. A large one is decoded in any case."""
    return len(raw) > LARGE or any(map(raw.count, _HINTS))


def failure_in_event(event: Chunk) -> Any:
    """Returns the failure that an event reports, None if there is none. An event that is named "error" is one, whatever
    its data."""
    if not may_fail(event.raw):
        return None
    body = event.json()
    if isinstance(body, list) and body:
        body = body[0]
    found = failure_in(body) if isinstance(body, dict) else None
    if found is None and names_error(event):
        return body if isinstance(body, dict) else (event.data or b"").decode("utf-8", "replace") or "error"
    return found


def names_error(event: Chunk) -> bool:
    """Whether an event is named "error"."""
    return not _is_data(event.raw) and _NAMED_ERROR.search(event.raw) is not None


def _is_data(raw: bytes) -> bool:
    """Whether all of an event is one line of data."""
    return raw.startswith(b"data:") and raw.find(b"\n", 0, -2) < 0 and raw.find(b"\r") < 0


def words_in(event: Chunk) -> str:
    """Returns what an event says in words: its message, or its data if that is no JSON."""
    body = event.json()
    if body is not None or not event.data or event.data == b"null":
        said = body.get("message") or body.get("msg") or body.get("detail") if isinstance(body, dict) else None
        if isinstance(said, dict):  # Anthropic's `message` is the answer, and says nothing
            said = said.get("message")
        return said if isinstance(said, str) else ""
    return event.data.decode("utf-8", "replace").strip()


def _is_bare(body: Json) -> bool:
    """Whether the body is an error without a frame, such as `{"code": "x", "message": "y"}` or `{"detail": "y"}`."""
    message, detail = body.get("message"), body.get("detail")
    if not (message or detail) or any(body.get(name) for name in _ANSWERS):
        return False
    if isinstance(message, str) and message:
        return any(name in body and not _is_fine(body[name]) for name in ("code", "status"))
    return bool(detail)


def message_of(error: Any) -> str:
    """Returns the message of an error in a body, in any format. "error" if it has no message."""
    if isinstance(error, dict):
        error = next((error[name] for name in _MESSAGES if error.get(name)), None)
        if isinstance(error, int) and not isinstance(error, bool):
            return str(error)
        if isinstance(error, dict) and any(isinstance(error.get(name), str) for name in _MESSAGES):
            return message_of(error)
    return error if isinstance(error, str) and error else "error"


def failure_of(error: Any) -> Failure:
    """Returns the failure with a status that fits it: the number that the error has, or else one for its type."""
    if not isinstance(error, dict):
        return Failure(502, message_of(error))
    nested = error.get("error")
    inner: Json = nested if isinstance(nested, dict) else error
    kind, code, state = (_text(inner.get(name)) for name in ("type", "code", "status"))
    for name in _NUMBERS:
        number = inner.get(name)
        if isinstance(number, str) and number.isascii() and number.isdigit() and len(number) == 3:
            number = int(number)
        if isinstance(number, int) and 400 <= number <= 599:
            return Failure(number, message_of(error), kind, code)
    words = f"{kind} {code} {state}".lower()
    found = next((number for number, marks in _STATUSES if any(mark in words for mark in marks)), 502)
    return Failure(found, message_of(error), kind, code)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def message_in(body: bytes) -> str:
    """Returns the message of an error body, "" if it has none."""
    found = _place_of_message(_decoded(body))
    return str(found[0][found[1]]) if found else ""


def with_line(body: bytes, line: str) -> bytes:
    """Returns an error body with one more line in its message. A body without a message is returned unchanged."""
    value = _decoded(body)
    found = _place_of_message(value)
    if found is None:
        return body
    holder, name = found
    holder[name] = f"{holder[name]}\n{line}"
    return encoded(value)


def _decoded(body: bytes) -> Any:
    try:
        return decoded(body)
    except ValueError:
        return None


def _place_of_message(value: Any) -> tuple[Json, str] | None:
    """Returns the object that has the message of an error, and the name under which it has it."""
    if isinstance(value, list) and value:
        value = value[0]
    while isinstance(value, dict):
        for name in ("message", "error", "detail"):
            if isinstance(value.get(name), str):
                return value, name
        value = value.get("error")
    return None
