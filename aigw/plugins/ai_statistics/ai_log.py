"""Higress's ai_log: what ai-statistics notes of one request and its answer, without I/O.

Rule: it only looks. It is told of the request, the answer's head, each chunk and the end, and fills the three mappings
that it was given: `log`, `spans` (tags as text) and `properties` (attributes with a log field of their own)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from aigw.core.headers import SESSION_HEADERS
from aigw.core.model import Batch, Request, raw_of
from aigw.dialects.usage import tells_usage
from aigw.higress.gjson import text_of
from aigw.higress.usage import HigressUsage
from aigw.plugins.ai_statistics import attributes as attrs
from aigw.plugins.ai_statistics.attributes import Attribute, Collector, Source

MAX_BODY = 100 * 1024 * 1024
"""Bytes of a plain answer that are looked at; Higress's limit as well."""

UNKNOWN = "UNKNOWN"

_GEMINI_PATH = re.compile(r".*/[^/]+/models/([^:]+):\w+Content")
_IDS = (("id",), ("response", "id"), ("responseId",), ("message", "id"))
_decode = msgspec.json.Decoder().decode


class _Turn(msgspec.Struct):
    role: Any = None


_decode_turns = msgspec.json.Decoder(list[_Turn]).decode
_BROKEN = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


@dataclass(frozen=True, slots=True)
class Plan:
    """What is noted, the same for every request of a configuration. `limit` is in bytes of a value's text."""

    sources: Mapping[str, Sequence[Source]]
    limit: int
    usage: bool = True
    session_header: str = ""

    @staticmethod
    def of(attributes: Iterable[Attribute], *, limit: int, usage: bool = True, session_header: str = "") -> Plan:
        sources: dict[str, list[Source]] = {}
        for attribute in attributes:
            source = Source(attribute)
            for feed in (attrs.RESPONSE_BODY, attrs.STREAM) if source.feeds == "reply" else (source.feeds,):
                sources.setdefault(feed, []).append(source)
        return Plan(sources, limit, usage, session_header)


class Record:
    """One request. `failed` tells whether the answer is an error, `usage` what was spent; nothing is where `counts` is
    set to False."""

    __slots__ = (
        "_collectors",
        "_pieces",
        "_plan",
        "_readable",
        "_size",
        "_status",
        "_values",
        "asked",
        "counts",
        "failed",
        "log",
        "properties",
        "spans",
        "streaming",
        "usage",
    )  # fmt: skip

    def __init__(
        self, plan: Plan, route: str, log: dict[str, Any], spans: dict[str, str], properties: dict[str, str]
    ) -> None:
        self._plan = plan
        self.log = log
        self.spans = spans
        self.properties = properties
        self.asked = ""
        self.counts = plan.usage
        self.failed = False
        self.streaming = False
        self.usage = HigressUsage()
        self._status = 0
        self._pieces: list[bytes] = []
        self._size = 0
        self._readable = True
        self._values: list[tuple[Source, list[Collector]]] = []
        self._collectors: list[Collector] = []
        log["api"] = api_of(route)

    def request(self, request: Request) -> None:
        """Notes what the client asked for. Must be called before anybody changes the request."""
        headers = request.headers
        for name in (self._plan.session_header, *SESSION_HEADERS):
            if name and (session := headers.get(name)):
                self.log["session_id"] = session
                break
        self._span("gen_ai.span.kind", "LLM")
        for source in self._plan.sources.get(attrs.FIXED, ()):
            self._set(source, source.attribute.value)
        for source in self._plan.sources.get(attrs.REQUEST_HEADER, ()):
            self._set(source, _header(headers, source.attribute.value))
        if request.body:
            self._request_body(request)
        self.usage = HigressUsage(self.asked, UNKNOWN)

    def _request_body(self, request: Request) -> None:
        wanted = self._plan.sources.get(attrs.REQUEST_BODY, ())
        if wanted:
            body = _json(request.body)
            for source in wanted:
                self._set(source, source.of_request(body))
        try:
            document = request.document
            named = "model" in document
            model = document.get("model") if named else None
            self.log["chat_round"] = _turns(document.raw("messages"), document.raw("contents"))
        except ValueError:
            named, model = False, None
            self.log["chat_round"] = 0
        self.asked = text_of(model) if named else _model_in(request.path)
        self._span("gen_ai.request.model", self.asked)

    def reply(self, status: int, headers: Mapping[str, str], *, streaming: bool) -> None:
        """Notes the answer's head."""
        self._status = status
        kind = headers.get("content-type", "")
        self._readable = not kind or "json" in kind or "text" in kind
        self.streaming = streaming
        for source in self._plan.sources.get(attrs.RESPONSE_HEADER, ()):
            self._set(source, _header(headers, source.attribute.value))
        if streaming:
            sources = self._plan.sources.get(attrs.STREAM, ())
            self._values = [(source, source.collectors()) for source in sources]
            self._collectors = [collector for _, collectors in self._values for collector in collectors]

    def pieces(self, batch: Batch) -> None:
        """Keeps pieces of a plain answer."""
        raw = raw_of(batch)
        self._size += len(raw)
        if self._readable and self._size <= MAX_BODY:
            self._pieces.append(raw)
        else:
            self._pieces.clear()

    def events(self, batch: Batch) -> None:
        """Looks at events of a stream, one by one only where there is something to see."""
        raw = raw_of(batch)
        if "chat_id" not in self.log and (b'"id"' in raw or b'"responseId"' in raw):
            for chunk in batch:
                if "chat_id" not in self.log:
                    self._chat_id(chunk.json())
        if self.counts and tells_usage(raw):
            for chunk in batch:
                if tells_usage(chunk.raw) and chunk.data:
                    self.usage.feed(chunk.data)
        if not self.failed and b'"error"' in raw:
            self.failed = any(b'"error"' in chunk.raw and _is_error(chunk.json()) for chunk in batch)
        if self._collectors:
            for chunk in batch:
                if (body := chunk.json()) is not None:
                    for collector in self._collectors:
                        collector.feed(body)

    def end(self, reported: Callable[[], bytes] = bytes) -> None:
        """Completes the log. `reported` gives the usage that the provider told; it counts where the client saw
        none."""
        self.log["response_type"] = "stream" if self.streaming else "normal"
        body: Any = None
        if not self.streaming:
            body = self._plain()
        if self.counts:
            if not self.usage.total:
                self.usage.feed(reported())
            self._tokens()
        if self.streaming:
            for source, collectors in self._values:
                self._set(source, self._detail(source) if source.details else _preferred(collectors))
        else:
            for source in self._plan.sources.get(attrs.RESPONSE_BODY, ()):
                self._set(source, self._detail(source) if source.details else source.of_body(body))
        self._pieces.clear()

    def _plain(self) -> Any:
        """The decoded body of a plain answer, once it is complete."""
        pieces = self._pieces
        data = pieces[0] if len(pieces) == 1 else b"".join(pieces)
        body = _json(data)
        self._chat_id(body)
        self.failed = self.failed or _is_error(body) or (self._status >= 400 and not self._size)
        if self.counts:
            self.usage.feed(data, body)
        return body

    def _chat_id(self, body: Any) -> None:
        for path in _IDS:
            found = body
            for name in path:
                found = found.get(name) if isinstance(found, dict) else None
            if found is not None:
                self.log["chat_id"] = text_of(found)
                return

    def _tokens(self) -> None:
        usage = self.usage
        if not usage.seen:
            return
        self.log["model"] = usage.model
        self.log["input_token"] = usage.input
        self.log["output_token"] = usage.output
        self.log["total_token"] = usage.total
        self.log["input_token_details"] = usage.input_details
        self.log["output_token_details"] = usage.output_details
        if usage.total > 0:
            self._span("gen_ai.model_name", usage.model)
            self._span("gen_ai.usage.input_tokens", usage.input)
            self._span("gen_ai.usage.output_tokens", usage.output)
            self._span("gen_ai.usage.total_tokens", usage.total)

    def _detail(self, source: Source) -> Any:
        return attrs.of_details(source.attribute.key, self.usage.input_details, self.usage.output_details)

    def _set(self, source: Source, value: Any) -> None:
        attribute = source.attribute
        if (value is None or value == "") and attribute.default_value:
            value = attribute.default_value
        if attribute.apply_to_log:
            shown = attrs.shortened(value, self._plan.limit)
            if attribute.as_separate_log_field:
                self.properties[attribute.key] = text_of(shown)
            else:
                self.log[attribute.key] = shown
        if attribute.apply_to_span:
            self._span(attribute.trace_span_key or attribute.key, value)

    def _span(self, key: str, value: Any) -> None:
        if value is not None and value != "":
            self.spans[key] = text_of(value)


def api_of(route: str) -> str:
    """The API that a route's name tells: the first three of its parts between @, "-" if it has fewer."""
    parts = route.split("@")
    return "@".join(parts[:3]) if len(parts) >= 3 else "-"


def _model_in(path: str) -> str:
    """The model that Gemini's paths name."""
    match = _GEMINI_PATH.fullmatch(path)
    return match[1] if match else UNKNOWN


def _header(headers: Mapping[str, str], name: str) -> str | None:
    """A header as Higress sees it: its values joined by a comma. Our own headers keep each apart."""
    every = getattr(headers, "getall", None)
    values = every(name, ()) if every and name else ()
    return ",".join(values) or None


def _turns(messages: bytes | None, contents: bytes | None) -> int:
    """How often the user spoke. Gemini's contents without a role are the user's."""
    try:
        if messages is not None and messages.lstrip().startswith(b"["):
            return sum(turn.role == "user" for turn in _decode_turns(messages))
        if contents is not None:
            return sum(turn.role in (None, "user") for turn in _decode_turns(contents))
    except _BROKEN:
        return 0
    return 0


def _json(data: bytes) -> Any:
    try:
        return _decode(data)
    except _BROKEN:
        return None


def _is_error(body: Any) -> bool:
    return isinstance(body, dict) and body.get("error") not in (None, "", {}, [], False)


def _preferred(collectors: Sequence[Collector]) -> Any:
    return next((value for collector in collectors if (value := collector.value) is not None), None)
