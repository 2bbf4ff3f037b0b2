"""A call as an item of an OpenAI response, as it grows.

Rule: the client finds its tool only if the call has the form of the declaration: of a function, of a custom tool, or of
a tool that is declared by its type alone, whose calls have an object in place of a text."""

from __future__ import annotations

from aigw.dialects.json_values import Json, decoded
from aigw.translation.events import CallStart

_FUNCTION = ("function_call", "fc_", "arguments", "response.function_call_arguments")
_CUSTOM = ("custom_tool_call", "ctc_", "input", "response.custom_tool_call_input")


class CallItem:
    """A call as an item. `kind` is as in `hub.Tool`, `place` tells the items of all responses apart."""

    def __init__(self, call: CallStart, kind: str, place: str, index: int) -> None:
        self.index = index
        self._kind = kind
        self._pieces: list[str] = []
        self.whole: Json = {}
        if kind:
            self.begun: Json = {
                "id": f"{kind}_{place}", "type": f"{kind}_call", "status": "in_progress", "call_id": call.id,
                **_with_object(kind, {}),
            }  # fmt: skip
            return
        type, prefix, self._member, self._growth = _CUSTOM if call.custom else _FUNCTION
        named = {"name": call.name, **({"namespace": call.namespace} if call.namespace else {})}
        self.begun = {
            "id": f"{prefix}{place}", "type": type, "status": "in_progress", self._member: "", "call_id": call.id,
            **named,
        }  # fmt: skip

    @property
    def _at(self) -> Json:
        return {"item_id": self.begun["id"], "output_index": self.index}

    def grow(self, text: str) -> list[Json]:
        self._pieces.append(text)
        return [] if self._kind else [{"type": f"{self._growth}.delta", **self._at, "delta": text}]

    def end(self, *, incomplete: bool) -> list[Json]:
        text, ended = "".join(self._pieces), {"status": "incomplete" if incomplete else "completed"}
        if self._kind:
            self.whole = {**self.begun, **ended, **_with_object(self._kind, _object_in(text))}
            return []
        if self._growth == _FUNCTION[-1]:
            text = text if text.strip() else "{}"
        self.whole = {**self.begun, **ended, self._member: text}
        return [{"type": f"{self._growth}.done", **self._at, self._member: text}]


def _object_in(text: str) -> Json:
    try:
        given = decoded(text.encode("utf-8", "surrogatepass"))
    except ValueError:
        given = None
    return given if isinstance(given, dict) else {}


def _with_object(kind: str, given: Json) -> Json:
    """The fields of a call with these arguments."""
    if kind == "tool_search":
        return {"execution": "client", "arguments": given}
    if kind == "local_shell":
        return {"action": {"command": [], "env": {}, **given, "type": "exec"}}
    if kind == "shell":
        return {"action": {"commands": [], "timeout_ms": None, "max_output_length": None, **given}}
    return {"operation": given}
