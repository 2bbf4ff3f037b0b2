"""Checks whether a body of status 200 has a result, for APIs without a dialect of their own: pictures, ranks,
moderations, files.

Rule: a result is an object (lists of models, ranks and unknown APIs may have others), it has more than names and dates,
and its own state is not a failure. The state of something that the client only looks at is not judged."""

from __future__ import annotations

from typing import Any

from aigw.dialects import apis

Json = dict[str, Any]

_STATES = ("status", "state", "result", "outcome", "task_status")
_FAILED = frozenset(
    ("failed", "failure", "fail", "error", "errored", "cancelled", "canceled", "aborted", "rejected", "timeout",
     "timed_out", "expired")
)  # fmt: skip
_WAITING = frozenset(
    ("pending", "queued", "processing", "running", "started", "starting", "submitted", "in_progress", "in_queue")
)
_WORDS = ("message", "msg", "detail", "error_message", "reason", "failure_reason")
_PICTURES = frozenset((apis.IMAGE_GENERATION, apis.IMAGE_EDIT, apis.IMAGE_VARIATION))
_RANKS = frozenset((apis.RERANK, apis.RERANKS))
_TOLD_AT_ONCE = _PICTURES | _RANKS | {apis.MODERATIONS}
"""The APIs whose answer has the result itself, and not the name of a job."""
_AROUND = frozenset(
    ("id", "object", "type", "model", "created", "created_at", "usage", "meta", "metadata", "request_id", "requestId",
     "code", "success", "ok", "warnings", "cost", "status", "state", "outcome", "task_status", *_WORDS)
)  # fmt: skip
"""Fields of an answer that are not its result."""


def failed_state(body: Json) -> Json | None:
    """Returns an error if the body says that the request itself has failed, None if it does not."""
    for name in _STATES:
        word = body.get(name)
        if isinstance(word, str) and word.strip().lower() in _FAILED:
            said = next((body[each] for each in _WORDS if isinstance(body.get(each), str) and body[each]), "")
            return {"message": said or f"the provider's answer says {name}: {word}", "code": word.strip().lower()}
    return None


def is_nothing(api: str, body: Any) -> bool:
    """Whether no client of this API could use the body. Of a job that waits, a client asks again."""
    if not isinstance(body, dict):
        return not (api in _RANKS and isinstance(body, list) and all(isinstance(each, dict) for each in body))
    if api not in _TOLD_AT_ONCE or any(str(body.get(name)).lower() in _WAITING for name in _STATES):
        return False
    empty: tuple[object, ...] = (None, "", {}) if api in _RANKS else (None, "", {}, [])
    return all(name in _AROUND or value in empty for name, value in body.items())
