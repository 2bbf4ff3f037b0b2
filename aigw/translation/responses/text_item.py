"""The items of an OpenAI response that have text, as they grow: a message, and reasoning."""

from __future__ import annotations

from aigw.dialects.json_values import Json, encoded

_PIECE = b'event: response.output_text.delta\ndata: {"type":"response.output_text.delta","sequence_number":'


class MessageItem:
    """A message of the model. A part begins where a refusal follows a text, or the reverse."""

    def __init__(self, id: str, index: int) -> None:
        self.index = index
        self._at: Json = {"item_id": id, "output_index": index}
        self.begun: Json = {"id": id, "type": "message", "status": "in_progress", "role": "assistant", "content": []}
        self.whole: Json = {}
        self._parts: list[Json] = []
        self._pieces: list[str] = []
        self._open = ""
        """The type of the open part."""
        self._shared = b""
        """The fields that tell the place of the open part."""

    def grow(self, text: str, *, refusal: bool) -> list[Json]:
        kind = "refusal" if refusal else "output_text"
        started = self._begin(kind)
        self._pieces.append(text)
        more: Json = {"logprobs": []} if kind == "output_text" else {}
        return [*started, {"type": f"response.{kind}.delta", **self._place, "delta": text, **more}]

    def piece(self, text: str, number: int) -> bytes:
        """Returns the whole event of a piece of the open text, b"" if none is open. Nearly all events are such pieces,
        so the parts that are always the same are not encoded again."""
        if self._open != "output_text":
            return b""
        self._pieces.append(text)
        return b'%b%d,%b,"delta":%b,"logprobs":[]}\n\n' % (_PIECE, number, self._shared, encoded(text))

    def cite(self, url: str, title: str) -> list[Json]:
        """Adds a citation to all the text so far, because the provider does not say to which piece it belongs."""
        started = self._begin("output_text")
        size = sum(map(len, self._pieces))
        cited = {"type": "url_citation", "url": url, "title": title, "start_index": 0, "end_index": size}
        known = self._parts[-1]["annotations"]
        known.append(cited)
        named = {"annotation_index": len(known) - 1, "annotation": cited}
        return [*started, {"type": "response.output_text.annotation.added", **self._place, **named}]

    def end(self, *, incomplete: bool) -> list[Json]:
        ended = self._end_part()
        self.whole = {**self.begun, "status": "incomplete" if incomplete else "completed", "content": self._parts}
        return ended

    @property
    def _place(self) -> Json:
        return {**self._at, "content_index": len(self._parts) - 1}

    def _begin(self, kind: str) -> list[Json]:
        if self._open == kind:
            return []
        ended = self._end_part()
        self._open = kind
        text = {"type": kind, "text": "", "annotations": [], "logprobs": []}
        self._parts.append(text if kind == "output_text" else {"type": kind, "refusal": ""})
        # a copy, because the part grows
        self._shared = encoded(self._place)[1:-1]
        part = {name: [] if isinstance(value, list) else value for name, value in self._parts[-1].items()}
        return [*ended, {"type": "response.content_part.added", **self._place, "part": part}]

    def _end_part(self) -> list[Json]:
        if not self._open:
            return []
        kind, part = self._open, self._parts[-1]
        member = "refusal" if kind == "refusal" else "text"
        more: Json = {} if kind == "refusal" else {"logprobs": []}
        part[member] = "".join(self._pieces)
        self._pieces, self._open = [], ""
        return [
            {"type": f"response.{kind}.done", **self._place, member: part[member], **more},
            {"type": "response.content_part.done", **self._place, "part": part},
        ]


class ReasoningItem:
    """Reasoning, as a summary that clients show. `state` is for its maker, "" if there is none."""

    def __init__(self, id: str, index: int) -> None:
        self.index = index
        self._at: Json = {"item_id": id, "output_index": index, "summary_index": 0}
        self.begun: Json = {"id": id, "type": "reasoning", "summary": []}
        self.whole: Json = {}
        self.state = ""
        self._pieces: list[str] = []

    def grow(self, text: str) -> list[Json]:
        started: list[Json] = []
        if not self._pieces:
            started.append({"type": "response.reasoning_summary_part.added", **self._at, "part": _summary("")})
        self._pieces.append(text)
        return [*started, {"type": "response.reasoning_summary_text.delta", **self._at, "delta": text}]

    def end(self, *, incomplete: bool) -> list[Json]:
        part = _summary("".join(self._pieces))
        self.whole = {**self.begun, "summary": [part] if self._pieces else []}
        if self.state:
            self.whole["encrypted_content"] = self.state
        if not self._pieces:
            return []
        return [
            {"type": "response.reasoning_summary_text.done", **self._at, "text": part["text"]},
            {"type": "response.reasoning_summary_part.done", **self._at, "part": part},
        ]


def _summary(text: str) -> Json:
    return {"type": "summary_text", "text": text}
