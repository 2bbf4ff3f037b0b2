"""How Higress's ai-json-resp asks a model again for JSON, and how it finds the JSON in an answer.

Rule: what fails is a JsonResponseError with Higress's code."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from aigw.core.document import encoded, fields_of
from aigw.core.model import Chunk
from aigw.higress import chat_history
from aigw.higress.chat_structs import FUNCTION, TOOL
from aigw.higress.gjson import GjsonPath
from aigw.higress.go_json import OMIT_EMPTY, TEXT, Field, Struct, nested, objects, written
from aigw.higress.go_values import go_json
from aigw.higress.values import text_of

NO_SCHEMA, BAD_SCHEMA, NO_JSON, EMPTY, MISMATCH, USED_UP, UNAVAILABLE, NO_DOMAIN = range(1001, 1009)
REQUEST: Struct = {
    "model": TEXT,
    **dict.fromkeys(
        (
            "max_tokens", "frequency_penalty", "n", "presence_penalty", "seed", "stream", "temperature", "top_p",
            "user", "stop", "response_format",
        ),
        OMIT_EMPTY,
    ),
    "stream_options": Field(empties=True, inside={"include_usage": OMIT_EMPTY}),
    "tools": objects(TOOL),
    "tool_choice": Field(empties=True, inside={"type": TEXT, "function": nested(FUNCTION)}),
}  # fmt: skip
"""The fields that Higress keeps in a request that it writes anew."""
STREAMING = ("stream", "stream_options")


class JsonResponseError(Exception):
    """A failure as Higress reports it. `code` is one of Higress's, `str(error)` its message."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code

    @property
    def body(self) -> bytes:
        return encoded({"Code": self.code, "Msg": str(self)})


def content_in(answer: Any, path: GjsonPath) -> str:
    """Returns the text at a path of a model's answer. Raises JsonResponseError."""
    if not isinstance(answer, dict) or not isinstance(answer.get("choices"), list | None):
        raise JsonResponseError(UNAVAILABLE, f"service unavailable: {text_of(answer)}")
    content = path.get(answer)
    if content is None:
        raise JsonResponseError(UNAVAILABLE, f"response body does not contain the content: {text_of(answer)}")
    return text_of(content)


def object_in(content: str) -> str:
    """Returns the text from the first brace to the last one, which must be an object. Raises JsonResponseError."""
    if not content:
        raise JsonResponseError(EMPTY, "response body does not contain the content")
    start, end = content.find("{"), content.rfind("}") + 1
    wrong = "response body does not contain the valid json: "
    if start == -1 or start >= end:
        raise JsonResponseError(NO_JSON, f"{wrong}cannot find json in the response body")
    found = content[start:end]
    try:
        fields_of(found.encode("utf-8", "replace"))
    except ValueError as error:
        raise JsonResponseError(NO_JSON, f"{wrong}{error}") from None
    return found


def last_question(body: bytes) -> str:
    """Returns the text of the last message, "" if Go could not decode the messages."""
    turns = chat_history.decoded(encoded(_fields(body).get("messages")))
    return turns[-1][1] if turns else ""


def last_answer(answer: Any) -> str:
    """Returns the text of the last choice, "" if there is none."""
    choices = answer.get("choices") if isinstance(answer, dict) else None
    message = choices[-1].get("message") if choices and isinstance(choices[-1], dict) else None
    content = message.get("content") if isinstance(message, dict) else None
    return content if isinstance(content, str) else ""


def ask_for(content: str, schema: Any) -> str:
    """Returns the message that asks a model to make JSON of what it has said. `schema` is None if there is none."""
    text = go_json(schema).decode()
    ask = f"Given the Json Schema: {text}, please help me convert the following content to a pure json: {content}"
    return f"{ask}\n Do not respond other content except the pure json!!!!"


def again(body: bytes, messages: Sequence[tuple[str, str]]) -> bytes:
    """Returns the request with these messages, in place of its own ones."""
    fields = written(_fields(body), REQUEST)
    return encoded({**fields, "messages": msgspec.Raw(chat_history.encoded(messages))})


def plainly(body: bytes, before: Sequence[tuple[str, str]], behind: Sequence[tuple[str, str]]) -> bytes:
    """Returns a chat request that asks for a plain answer, with messages before and behind its own ones. Everything
    else stays. Raises ValueError if it is no chat request."""
    fields = _fields(body)
    own = fields.get("messages")
    if not isinstance(own, list):
        raise ValueError("there are no messages")
    first, last = ([{"role": role, "content": text} for role, text in each] for each in (before, behind))
    kept = {name: value for name, value in fields.items() if name not in STREAMING}
    return encoded({**kept, "messages": [*first, *own, *last]})


def _fields(body: bytes) -> dict[str, Any]:
    value = Chunk(body, body).json()
    return value if isinstance(value, dict) else {}
