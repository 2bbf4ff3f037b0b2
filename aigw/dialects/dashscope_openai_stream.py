"""Converts DashScope's native streams into OpenAI's. Sans-io. A value of a wrong type breaks the answer off."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar

from aigw.core.errors import UpstreamError, UpstreamFault
from aigw.core.model import Batch, Chunk
from aigw.dialects.dashscope_openai_reply import (
    finish_of,
    mapping,
    openai_message,
    output_of,
    rows,
    text_field,
    usage_of,
)
from aigw.dialects.json_values import Json
from aigw.dialects.openai_chat import DONE
from aigw.dialects.sse import Event, json_event
from aigw.dialects.view import index_of


class StreamDecoder:
    """Converts batches of native events into OpenAI's events."""

    role_in_each: ClassVar[bool] = False
    """Whether every delta says the role, or only the first one."""
    reasoning_end: ClassVar[str] = ""
    """Stands behind every piece of reasoning that is put into the text."""

    def __init__(self, *, model: str, now: Callable[[], float], reasoning: str, incremental: bool, usage: bool) -> None:
        self._model = model
        self._created = int(now())
        self._reasoning = reasoning
        self._incremental = incremental
        self._wants_usage = usage
        self._choices: dict[int, _Choice] = {}
        self._usage: list[Event] = []
        """The event that tells usage, held until all choices have ended."""
        self._broken = ""
        """What is wrong with an event, at which the answer breaks off."""

    def feed(self, batch: Batch) -> Batch:
        """Raises UpstreamError behind an event that cannot be converted: what comes then may be another answer."""
        self._break_off()
        out: list[Chunk] = []
        for event in batch:
            native = event.json()
            if isinstance(native, dict):
                try:
                    out += self._events(native)
                except (ValueError, RecursionError) as error:
                    self._broken = str(error)
                    break
        return out

    def _break_off(self) -> None:
        if self._broken:
            raise UpstreamError(UpstreamFault.PROTOCOL, self._broken)

    def end(self) -> Batch:
        self._break_off()
        if not self._choices or not all(choice.ended for choice in self._choices.values()):
            return []
        return [*self._usage, Event(DONE)]

    def _events(self, native: Json) -> list[Event]:
        if "output" not in native:
            if not (native.get("code") or native.get("message")):
                return []  # it says nothing
            return [_error_event(text_field(native, "message") or "DashScope failed", native)]
        indexed = self.indexed(rows(output_of(native), "choices"))
        return [event for choice, index in indexed for event in self._events_of(native, choice, index)]

    def indexed(self, choices: Sequence[Json]) -> list[tuple[Json, int]]:
        """Returns the choices of an event that the client gets, with their numbers."""
        return [(choice, index_of(choice, position)) for position, choice in enumerate(choices)]

    def tell_usage(self, native: Json) -> list[Event]:
        """Returns the events that tell usage when a choice ends. They may also wait for `end`."""
        if self._wants_usage:
            self._usage = [self.chunk(native, [], usage_of(native))]
        return []

    def _events_of(self, native: Json, choice: Json, index: int) -> list[Event]:
        finish, state = finish_of(choice), self._state_of(index)
        delta = state.delta(openai_message(mapping(choice, "message")))
        events = [self.chunk(native, [piece(index, delta)])] if delta else []
        if finish:
            state.ended = True
            events.append(self.chunk(native, [piece(index, {}, finish)]))
            events += self.tell_usage(native)
        return events

    def _state_of(self, index: int) -> _Choice:
        state = self._choices.get(index)
        if state is None:
            how = self._reasoning, self._incremental, self.role_in_each, self.reasoning_end
            state = self._choices[index] = _Choice(*how)
        return state

    def chunk(self, native: Json, choices: Sequence[Json], usage: Json | None = None) -> Event:
        return json_event(
            {
                "id": native.get("request_id", ""),
                "choices": choices,
                "created": self._created,
                "model": self._model,
                "object": "chat.completion.chunk",
                "usage": usage,
            }
        )


class _Choice:
    """One choice of a stream: makes OpenAI's deltas of its native messages."""

    def __init__(self, reasoning: str, incremental: bool, role_in_each: bool, reasoning_end: str) -> None:
        self.ended = False
        self._reasoning = reasoning
        self._incremental = incremental
        self._role_in_each = role_in_each
        self._reasoning_end = reasoning_end
        self._sent: dict[str, str] = {}
        self._thinking = False
        self._started = False

    def delta(self, message: Json) -> Json:
        """Returns what is new in the message, empty if nothing is."""
        delta: Json = {}
        reasoning = self._new(message, "reasoning_content")
        content = self._new(message, "content")
        if reasoning and self._reasoning == "concat":
            delta["content"] = ("" if self._thinking else "<think>") + reasoning + self._reasoning_end
            self._thinking = True
        elif reasoning and self._reasoning == "passthrough":
            delta["reasoning_content"] = reasoning
        if content:
            if self._thinking:
                content = (delta.get("content", "") if reasoning else "") + "</think>\n" + content
                self._thinking = False
            delta["content"] = content
        if message.get("tool_calls"):
            delta["tool_calls"] = self._tool_calls(rows(message, "tool_calls"))
        if delta and (self._role_in_each or not self._started):
            delta = {"role": message.get("role", "assistant"), **delta}
            self._started = True
        return delta

    def _new(self, message: Json, name: str) -> str:
        """Returns the text that was not sent yet: all of it if the output is incremental, else the part after the
        previous text."""
        text = text_field(message, name)
        if self._incremental:
            return text
        sent = self._sent.get(name, "")
        self._sent[name] = text
        return text[len(sent) :] if text.startswith(sent) else text

    def _tool_calls(self, calls: Sequence[Json]) -> list[Json]:
        fresh = []
        for position, call in enumerate(calls):
            index = call.get("index", position)
            function = mapping(call, "function")
            first = f"call {index}" not in self._sent
            self._sent.setdefault(f"call {index}", "")
            arguments = self._new({f"arguments {index}": function.get("arguments")}, f"arguments {index}")
            if first:
                named = {"name": function.get("name", ""), "arguments": arguments}
                fresh.append({"index": index, "id": call.get("id", ""), "type": "function", "function": named})
            elif arguments:
                fresh.append({"index": index, "function": {"arguments": arguments}})
        return fresh


def piece(index: int, delta: Json, finish: str | None = None) -> Json:
    return {"index": index, "delta": delta, "finish_reason": finish, "logprobs": None}


def _error_event(message: str, native: Json) -> Event:
    code = native.get("code")
    error = {"message": message, "type": "upstream_error", "code": code if isinstance(code, str) else None}
    return json_event({"error": error})
