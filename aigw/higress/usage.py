"""Reads the model and the token numbers of an answer exactly as Higress's plugins do (for its ai_log, metrics and token
limits).

Rule: only payloads that contain "usage" or "usageMetadata" are read. Each value is at the first path that exists. Of
several payloads, the last value wins, and nothing is summed. Higress's gaps are kept on purpose: Gemini's thoughts are
not part of the output, and usage inside a choice is not seen. For its own purposes, aigw uses `dialects.usage`."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import msgspec

from aigw.higress.values import text_of

Path = tuple[str, ...]

_MODEL: Sequence[Path] = (
    ("model",),
    ("body", "model"),
    ("response", "model"),
    ("message", "model"),
    ("modelVersion",),
)
_INPUT: Sequence[Path] = (
    ("usage", "prompt_tokens"),
    ("usage", "input_tokens"),
    ("response", "usage", "input_tokens"),
    ("usageMetadata", "promptTokenCount"),
    ("message", "usage", "input_tokens"),
)
_OUTPUT: Sequence[Path] = (
    ("usage", "completion_tokens"),
    ("usage", "output_tokens"),
    ("response", "usage", "output_tokens"),
    ("usageMetadata", "candidatesTokenCount"),
    ("message", "usage", "output_tokens"),
)
_TOTAL: Sequence[Path] = (
    ("usage", "total_tokens"),
    ("response", "usage", "total_tokens"),
    ("usageMetadata", "totalTokenCount"),
)
_INPUT_DETAILS: Sequence[Path] = (
    ("usage", "prompt_tokens_details"),
    ("response", "usage", "input_tokens_details"),
    ("usage", "input_tokens_details"),
    ("usageMetadata", "promptTokensDetails"),
)
_OUTPUT_DETAILS: Sequence[Path] = (
    ("usage", "completion_tokens_details"),
    ("response", "usage", "output_tokens_details"),
    ("usage", "output_tokens_details"),
    ("usageMetadata", "candidatesTokensDetails"),
)
_MORE_INPUT_DETAILS: Mapping[str, tuple[str, str]] = {
    "cached_content_token_count": ("usageMetadata", "cachedContentTokenCount"),
    "tool_use_prompt_token_count": ("usageMetadata", "toolUsePromptTokenCount"),
    "cache_creation_input_tokens": ("usage", "cache_creation_input_tokens"),
    "cache_read_input_tokens": ("usage", "cache_read_input_tokens"),
}
_MORE_OUTPUT_DETAILS: Mapping[str, tuple[str, str]] = {
    "thoughts_token_count": ("usageMetadata", "thoughtsTokenCount"),
    "generated_images": ("usage", "generated_images"),
}
_ELSEWHERE = frozenset(("body", "response", "message", "modelVersion", "usageMetadata"))
_TOPS = ("model", "body", "response", "message", "modelVersion", "usage", "usageMetadata")
_USAGE = b'"usage'
_MARKS = (b'"usage"', b'"usageMetadata"')
_NULL = (b'"usage":null', b'"usage": null')
_BESIDE = ("cache_creation_input_tokens", "cache_read_input_tokens")
_MORE = frozenset((*_BESIDE, "generated_images"))
_ABSENT = object()
_INTEGER = re.compile(r"[+-]?\d+")
_decode = msgspec.json.Decoder().decode


class _Paths(NamedTuple):
    """The paths above that can exist in a payload with certain fields at the top."""

    model: Sequence[Path]
    input: Sequence[Path]
    output: Sequence[Path]
    total: Sequence[Path]
    input_details: Sequence[Path]
    output_details: Sequence[Path]
    more_input: Mapping[str, tuple[str, str]]
    more_output: Mapping[str, tuple[str, str]]


def has_usage(body: Any) -> bool:
    """Whether a decoded payload has usage where it counts, seen without a look through its bytes."""
    if not isinstance(body, dict):
        return False
    inner = [value for name in ("response", "message") if isinstance(value := body.get(name), dict)]
    return any(each.get(name) for each in (body, *inner) for name in ("usage", "usageMetadata"))


@lru_cache(maxsize=128)
def _paths(tops: tuple[str, ...]) -> _Paths:
    """Returns the paths that begin with one of `tops`. A payload has only two or three of these fields, and to search
    for the other paths would take time."""

    def possible(paths: Sequence[Path]) -> Sequence[Path]:
        return [path for path in paths if path[0] in tops]

    def named(paths: Mapping[str, tuple[str, str]]) -> Mapping[str, tuple[str, str]]:
        return {name: path for name, path in paths.items() if path[0] in tops}

    return _Paths(
        model=possible(_MODEL),
        input=possible(_INPUT),
        output=possible(_OUTPUT),
        total=possible(_TOTAL),
        input_details=possible(_INPUT_DETAILS),
        output_details=possible(_OUTPUT_DETAILS),
        more_input=named(_MORE_INPUT_DETAILS),
        more_output=named(_MORE_OUTPUT_DETAILS),
    )


class HigressUsage:
    """Reads the payloads of one answer. `seen` is true once there was a token number; until then Higress logs none.

    `model` is "" until there was a payload with usage. If then neither the answer nor the request names a model, it is
    `unknown`: "unknown" for token limits, "UNKNOWN" for statistics."""

    __slots__ = (
        "_asked",
        "_unknown",
        "input",
        "input_details",
        "model",
        "output",
        "output_details",
        "seen",
        "total",
    )

    def __init__(self, asked: str = "", unknown: str = "unknown") -> None:
        """`asked` is the model of the request."""
        self._asked = asked
        self._unknown = unknown
        self.seen = False
        self.model = ""
        self.input = 0
        self.output = 0
        self.total = 0
        self.input_details: dict[str, int] = {}
        self.output_details: dict[str, int] = {}

    def feed(self, data: bytes, body: Any = _ABSENT) -> None:
        """Takes the JSON payload of one event, or a whole body. `body` is the decoded payload, if the caller has it.
        Never raises."""
        if isinstance(body, dict) and body.get("usage"):
            self._take(body)  # to look through 1 KB of text as well would take 0.5 us
            return
        at = data.find(_USAGE)
        if at >= 0 and self.model and not self.seen and data.startswith(_NULL, at):
            at = data.find(_USAGE, at + 1)  # OpenAI's chunks before the last one have no usage
        if at < 0 or not (data.startswith(_MARKS, at) or any(data.find(mark, at) >= 0 for mark in _MARKS)):
            return
        if body is _ABSENT:
            try:
                body = _decode(data)
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
                return
        if isinstance(body, dict):
            self._take(body)

    def _take(self, body: dict[str, Any]) -> None:
        usage = body.get("usage")
        if not isinstance(usage, dict):
            usage = {}
        if _ELSEWHERE.isdisjoint(body):
            self._take_usage(body.get("model", _ABSENT), usage)
            return
        paths = _paths(tuple([top for top in _TOPS if top in body]))
        numbers = _first(body, paths.input), _first(body, paths.output), _first(body, paths.total)
        self._count(_first(body, paths.model), *numbers, usage)
        _add(self.input_details, _first(body, paths.input_details))
        _add(self.output_details, _first(body, paths.output_details))
        _pick(self.input_details, body, paths.more_input)
        _pick(self.output_details, body, paths.more_output)

    def _take_usage(self, model: Any, usage: dict[str, Any]) -> None:
        """Does the same for a payload with numbers in `usage` and nowhere else, as nearly all are. Takes 2 us less."""
        get = usage.get
        spent, made = get("prompt_tokens", _ABSENT), get("completion_tokens", _ABSENT)
        if spent is _ABSENT:
            spent = get("input_tokens", _ABSENT)
        if made is _ABSENT:
            made = get("output_tokens", _ABSENT)
        self._count(model, spent, made, get("total_tokens", _ABSENT), usage)
        if details := get("prompt_tokens_details", get("input_tokens_details")):
            _add(self.input_details, details)
        if details := get("completion_tokens_details", get("output_tokens_details")):
            _add(self.output_details, details)
        if not _MORE.isdisjoint(usage):
            _pick(self.input_details, {"usage": usage}, _MORE_INPUT_DETAILS)
            _pick(self.output_details, {"usage": usage}, _MORE_OUTPUT_DETAILS)

    def _count(self, model: Any, spent: Any, made: Any, total: Any, usage: dict[str, Any]) -> None:
        self.model = model if isinstance(model, str) else self._model(model)
        self.seen = self.seen or not (spent is made is total is _ABSENT)
        self.input = _integer(spent, self.input)
        self.output = _integer(made, self.output)
        if total is not _ABSENT:
            self.total = _integer(total, 0)
        else:
            self.total = self.input + self.output
            for name in _BESIDE:
                if name in usage:
                    self.total += _integer(usage[name], 0)

    def _model(self, found: Any) -> str:
        if found is not _ABSENT:
            return text_of(found)
        if self.model not in ("", self._unknown):
            return self.model
        return self._asked or self._unknown


def _first(body: dict[str, Any], paths: Sequence[Path]) -> Any:
    for path in paths:
        value: Any = body
        for name in path:
            if not isinstance(value, dict) or name not in value:
                break
            value = value[name]
        else:
            return value
    return _ABSENT


def _add(details: dict[str, int], found: Any) -> None:
    if isinstance(found, dict):
        for name, value in found.items():
            details[name] = _integer(value, 0)


def _pick(details: dict[str, int], body: dict[str, Any], table: Mapping[str, tuple[str, str]]) -> None:
    for name, (top, field) in table.items():
        block = body.get(top)
        if isinstance(block, dict) and field in block:
            details[name] = _integer(block[field], 0)


def _integer(value: Any, otherwise: int) -> int:
    """Returns a value as an integer, as leniently as Higress: fractions are cut off, digits in a text are read, and any
    other value is 0. Returns `otherwise` if there is no value."""
    if type(value) is int and -(2**63) < value < 2**63:
        return value
    if value is _ABSENT:
        return otherwise
    if isinstance(value, str):
        return int(value) if _INTEGER.fullmatch(value) and len(value) < 20 else 0
    if isinstance(value, (int, float)) and abs(value) < 2**63:
        return int(value)
    return 0
