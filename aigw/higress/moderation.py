"""What Higress's ai-security-guard reads of a request, and the chats in which it tells a denial."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from aigw.higress.gjson import GjsonPath
from aigw.higress.values import text_of

MODEL = "from-security-guard"
DEFAULT_MESSAGE = "很抱歉，我无法回答您的问题"
"""Higress's own words: "I am sorry, I cannot answer your question"."""
REQUEST_PATH = "messages.@reverse.0.content"
IMAGE_PATHS = ("prompt",)
QWEN_IMAGE_PATHS = (
    "input.prompt", "input.ref_prompt", "input.text", "input.negative_prompt", "input.messages.0.content.#.text",
)  # fmt: skip
EMBEDDING_PATH = "input"
ANSWER_PATH = "choices.0.message.content"
EVENT_PATH = "choices.0.delta.content"
ANTHROPIC_ANSWER, ANTHROPIC_EVENT = "content.0.text", "delta.text"
"""Where Higress looks for a text if it is not at the configured path."""
DONE = b"data: [DONE]"
_MARK = "x_higress_guardrail"
_NO_USAGE = {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}


def question(body: Any) -> str | None:
    """The text of the last message if it is the user's, as the form of June 2024 reads it."""
    messages = body.get("messages") if isinstance(body, dict) else None
    last = messages[-1] if isinstance(messages, list) and messages else None
    text = last.get("content") if isinstance(last, dict) and last.get("role") == "user" else None
    return text if isinstance(text, str) else None


def request_text(api: str, path: str, provider: str) -> Callable[[Any], str]:
    """Returns what reads the text of a request's body. `api` is the `apiType` of MultiModalGuard, "" for
    TextModerationPlus, which reads parts of a message as their JSON. `path` is where the text is, "" for the usual
    place, and `provider` whose format the body has."""
    if api == "image_generation":
        prompts = [GjsonPath(each) for each in (QWEN_IMAGE_PATHS if provider == "qwen" else IMAGE_PATHS)]
        return lambda body: "".join(_joined(prompt.get(body), "") for prompt in prompts)
    if api == "embedding":
        texts = GjsonPath(path or EMBEDDING_PATH)
        return lambda body: _joined(texts.get(body), "\n")
    if api == "mcp":
        return lambda body: ""
    asked = GjsonPath(path or REQUEST_PATH)
    return lambda body: _parts(asked.get(body)) if api else text_of(asked.get(body))


def _joined(value: Any, joint: str) -> str:
    """A text, or texts with `joint` between them; "" for numbers, which are tokens."""
    values = value if isinstance(value, list) else [value]
    return joint.join(each for each in values if isinstance(each, str))


def _parts(content: Any) -> str:
    """The texts of a message's parts, one behind the other."""
    if not isinstance(content, list):
        return text_of(content)
    parts = [part for part in content if isinstance(part, dict) and part.get("type") == "text"]
    return "".join(text_of(part.get("text")) for part in parts)


def denied_chat(text: str, mark: Any, id: str, created: int) -> bytes:
    """Returns a plain answer with this text. `mark` is an additional field beside it, None for none."""
    choice = _choice("message", {"role": "assistant", "content": text}, "stop", mark)
    return msgspec.json.encode(_frame("chat.completion", id, created, choice) | {"usage": _NO_USAGE})


def denied_events(text: str, mark: Any, id: str, created: int) -> bytes:
    """The events of the same answer, up to the last one."""
    first = _choice("delta", {"role": "assistant", "content": text}, None, mark)
    last = _choice("delta", {}, "stop", None)
    events = (
        _frame("chat.completion.chunk", id, created, first),
        _frame("chat.completion.chunk", id, created, last) | {"usage": _NO_USAGE},
    )
    return b"".join(b"data:" + msgspec.json.encode(event) + b"\n\n" for event in events) + DONE


def _choice(name: str, said: dict[str, Any], finish: str | None, mark: Any) -> dict[str, Any]:
    choice: dict[str, Any] = {"index": 0, name: said, "logprobs": None, "finish_reason": finish}
    return choice if mark is None else choice | {_MARK: mark}


def _frame(kind: str, id: str, created: int, choice: dict[str, Any]) -> dict[str, Any]:
    return {"id": f"chatcmpl-{id[:29]}", "object": kind, "created": created, "model": MODEL, "choices": [choice]}
