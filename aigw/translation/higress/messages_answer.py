"""Writes answers of chat completions as those of Anthropic's API, as Higress's ClaudeToOpenAI converter does.

Rules: only the first choice counts. The calls of a stream follow one another: the second begins when the answer has
ended. The reason for the end is held until the usage has arrived, or the end mark. Higress drops an event that tells of
a failure; here the client learns of it."""

from __future__ import annotations

from collections.abc import Callable

from aigw.core.errors import GatewayError
from aigw.core.model import Batch, Chunk
from aigw.dialects.failures import failure_of
from aigw.dialects.json_values import Json
from aigw.dialects.typed_event import typed_event
from aigw.higress.fields import mapping, rows, text, whole
from aigw.higress.go_json import filled
from aigw.translation.errors import error_from
from aigw.translation.higress.anthropic_request import arguments_of
from aigw.translation.higress.chat_message import string_content

_REASONS = {"stop": "end_turn", "length": "max_tokens", "tool_calls": "tool_use"}
_DONE = b"[DONE]"


def message_of(answer: Json) -> Json:
    """Returns a plain answer. Raises ValueError if the body is no answer."""
    choice = next(iter(rows(answer, "choices")), {})
    message, reason = mapping(choice, "message"), choice.get("finish_reason")
    content = _content(message) if message is not None else None
    usage = mapping(answer, "usage")
    return {
        **_message(answer, content or None, {} if usage is None else _usage(usage)),
        "stop_reason": None if reason is None else _reason(text(choice, "finish_reason")),
    }


def _message(answer: Json, content: list[Json] | None, usage: Json) -> Json:
    named = {"id": text(answer, "id"), "type": "message", "role": "assistant", "content": content}
    ends = {"stop_reason": None, "stop_sequence": None}
    return {**named, "model": text(answer, "model"), **ends, "usage": usage, "error": None}


def _content(message: Json) -> list[Json]:
    content: list[Json] = []
    if thought := _reasoning(message):
        content.append({"type": "thinking", "signature": "", "thinking": thought})
    if said := string_content(message):
        content.append({"type": "text", "text": said})
    for call in rows(message, "tool_calls"):
        function = mapping(call, "function") or {}
        name, arguments = text(function, "name"), text(function, "arguments")
        if name or arguments:
            names = filled({"id": text(call, "id"), "name": name})
            content.append({"type": "tool_use", **names, "input": arguments_of(arguments)})
    return content


def _reasoning(message: Json) -> str:
    return text(message, "reasoning") or text(message, "reasoning_content")


def _reason(reason: str) -> str:
    return _REASONS.get(reason, reason)


def _spent(usage: Json) -> int:
    """Returns the tokens of the prompt without cached ones. These are subtracted if the total shows that the prompt's
    number includes them."""
    spent, made, cached = whole(usage, "prompt_tokens"), whole(usage, "completion_tokens"), _cached(usage)
    total = whole(usage, "total_tokens")
    return spent - cached if cached > 0 and total > 0 and total == spent + made else spent


def _cached(usage: Json) -> int:
    return whole(mapping(usage, "prompt_tokens_details") or {}, "cached_tokens")


def _usage(usage: Json) -> Json:
    counts = {
        "input_tokens": _spent(usage),
        "output_tokens": whole(usage, "completion_tokens"),
        "cache_read_input_tokens": _cached(usage),
    }
    return filled(counts)


class _Call:
    """A call of a stream. `index` is the index of its block, once the block has begun."""

    def __init__(self, id: str, name: str) -> None:
        self.id = id
        self.name = name
        self.arguments = ""
        self.index: int | None = None
        self.open = False


class MessageStream:
    """Writes a stream of chat completions. If it ends without the end mark, the blocks that have begun are ended."""

    def __init__(self, error_event: Callable[[GatewayError], bytes]) -> None:
        self._error_event = error_event
        self._started = self._stopped = False
        self._reason: str | None = None
        self._next = 0
        self._block: tuple[str, int] | None = None
        """The type and the index of the open block that is no call."""
        self._calls: dict[int, _Call] = {}
        self._active: int | None = None
        """The place of the call whose arguments are written as they come."""

    def feed(self, batch: Batch) -> Batch:
        out: list[Chunk] = []
        for chunk in batch:
            if chunk.data == _DONE:
                out += self._done()
            elif not self._stopped and isinstance(body := chunk.json(), dict):
                out += self._read(body)
        return out

    def end(self) -> Batch:
        return self._done()

    def _read(self, body: Json) -> list[Chunk]:
        if body.get("error"):
            return [Chunk(self._error_event(error_from(failure_of(body["error"]))))]
        try:
            return self._written(body)
        except ValueError as error:
            return [Chunk(self._error_event(GatewayError(502, str(error), kind="api_error")))]

    def _written(self, body: Json) -> list[Chunk]:
        choice = next(iter(rows(body, "choices")), {})
        delta, usage = mapping(choice, "delta") or {}, mapping(body, "usage")
        thought, said, calls = _reasoning(delta), delta.get("content"), rows(delta, "tool_calls")
        out = self._start(body, usage) if text(delta, "role") or thought or said or calls else []
        if thought:
            out += self._grow("thinking", {"type": "thinking_delta", "thinking": thought})
        if isinstance(said, str) and said:
            out += self._grow("text", {"type": "text_delta", "text": said})
        for call in calls:
            out += self._call(call)
        reason = text(choice, "finish_reason").strip()
        if reason and reason.lower() != "null":
            out += self._finish(reason)
        return out if usage is None else [*out, *self._tell(_usage(usage))]

    def _start(self, body: Json, usage: Json | None) -> list[Chunk]:
        if self._started:
            return []
        self._started = True
        counts = {} if usage is None else filled({"input_tokens": _spent(usage)})
        return [typed_event({"type": "message_start", "message": _message(body, [], counts)})]

    def _grow(self, kind: str, delta: Json) -> list[Chunk]:
        out: list[Chunk] = []
        if self._block is None or self._block[0] != kind:
            out = self._close()
            block: Json = {"type": "text", "text": ""}
            if kind == "thinking":
                block = {"type": "thinking", "signature": "", "thinking": ""}
            self._block = (kind, self._next)
            out.append(self._begin(block))
        assert self._block is not None
        return [*out, _delta(self._block[1], delta)]

    def _begin(self, block: Json) -> Chunk:
        self._next += 1
        return typed_event({"type": "content_block_start", "index": self._next - 1, "content_block": block})

    def _close(self) -> list[Chunk]:
        if self._block is None:
            return []
        index, self._block = self._block[1], None
        return [_block_end(index)]

    def _call(self, given: Json) -> list[Chunk]:
        place, function = whole(given, "index"), mapping(given, "function") or {}
        id, name, arguments = text(given, "id"), text(function, "name"), text(function, "arguments")
        out: list[Chunk] = []
        if id and name:
            begun = self._calls.setdefault(place, _Call(id, name))
            if self._active is None:
                self._active = place
                out += self._open(begun)
        if arguments and (call := self._calls.get(place)) is not None:
            call.arguments += arguments
            if self._active == place and call.index is not None:
                out.append(_delta(call.index, {"type": "input_json_delta", "partial_json": arguments}))
        return out

    def _open(self, call: _Call) -> list[Chunk]:
        out = self._close()
        call.index, call.open = self._next, True
        out.append(self._begin({"type": "tool_use", **filled({"id": call.id, "name": call.name}), "input": {}}))
        if call.arguments:
            out.append(_delta(call.index, {"type": "input_json_delta", "partial_json": call.arguments}))
        return out

    def _finish(self, reason: str) -> list[Chunk]:
        out = self._close()
        ordered = [self._calls[place] for place in sorted(self._calls)]
        for call in ordered:
            if call.index is None:
                out += self._open(call)
        out += self._end(ordered)
        self._active, self._reason = None, _reason(reason)
        return out

    def _end(self, calls: list[_Call]) -> list[Chunk]:
        out = []
        for call in calls:
            if call.open and call.index is not None:
                call.open = False
                out.append(_block_end(call.index))
        return out

    def _tell(self, usage: Json) -> list[Chunk]:
        """Tells the usage, with the reason for the end where it is known: then the message stops."""
        delta, ends = self._ending()
        out: list[Chunk] = [typed_event({"type": "message_delta", "delta": delta, "usage": usage})]
        return [*out, *self._stop()] if ends else out

    def _ending(self) -> tuple[Json, bool]:
        reason, self._reason = self._reason, None
        return {**filled({"stop_reason": reason}), "stop_sequence": None}, reason is not None

    def _stop(self) -> list[Chunk]:
        if self._stopped:
            return []
        self._stopped = True
        return [typed_event({"type": "message_stop"})]

    def _done(self) -> list[Chunk]:
        if not self._started or self._stopped:
            return []
        out = [*self._close(), *self._end(list(self._calls.values()))]
        if self._reason is not None:
            out.append(typed_event({"type": "message_delta", "delta": self._ending()[0]}))
        return [*out, *self._stop()]


def _delta(index: int, delta: Json) -> Chunk:
    return typed_event({"type": "content_block_delta", "index": index, "delta": delta})


def _block_end(index: int) -> Chunk:
    return typed_event({"type": "content_block_stop", "index": index})
