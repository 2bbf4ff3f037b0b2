"""Reads the token usage out of what any provider answers, sans-io, into disjoint buckets.

Rule: usage is cumulative, so for each number the last explicit value wins and nothing is ever summed over events.
Providers differ in what their numbers contain (`names` and `_tokens` say how): OpenAI's prompt tokens contain the
cached ones, Anthropic's input tokens do not; Gemini's candidates and xAI's completion do not contain the thoughts.
Malformed values (text, fractions, negatives, absurd sizes) count as absent."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from aigw.core.tokens import Tokens
from aigw.dialects import usage_names as names

LARGEST = 1_000_000_000
"""Tokens, or USD. A larger number is not a count."""

_USAGE = b'"usage'  # also usageMetadata
_LATER = b'"usage":null}\n\n'
_DEPTH = 3  # how deep a payload is wrapped: response > message > usage
_TICKS = 1e10  # xAI's ticks in a dollar


class _Payload(msgspec.Struct):
    """One event or body. What may be large stays raw until it turns out to be needed."""

    model: Any = None
    modelVersion: Any = None  # noqa: N815
    id: Any = None
    responseId: Any = None  # noqa: N815
    request_id: Any = None
    service_tier: Any = None
    usage: Any = None
    usageMetadata: Any = None  # noqa: N815
    billed_units: Any = None
    timings: Any = None
    response: msgspec.Raw = msgspec.Raw()
    message: msgspec.Raw = msgspec.Raw()
    result: msgspec.Raw = msgspec.Raw()
    delta: msgspec.Raw = msgspec.Raw()
    x_groq: msgspec.Raw = msgspec.Raw()
    meta: msgspec.Raw = msgspec.Raw()
    choices: msgspec.Raw = msgspec.Raw()

    def wrapped(self) -> tuple[msgspec.Raw, ...]:
        return self.response, self.message, self.result, self.delta, self.x_groq, self.meta


_decode = msgspec.json.Decoder(_Payload).decode
_decode_list = msgspec.json.Decoder(list[_Payload]).decode
_BROKEN = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


def tells_usage(data: bytes) -> bool:
    """Whether one or more payloads may hold usage. `"usage": null` says in advance that it comes later (OpenAI)."""
    if data.endswith(_LATER) and data.find(b'"usage') == len(data) - len(_LATER):
        return False  # so nearly all of OpenAI's events end
    named = data.count(b'"usage')
    if named and named > data.count(b'"usage":null') + data.count(b'"usage": null'):
        return True
    return b'"billed_units"' in data or b'"timings"' in data


class UsageReader:
    """Fed with every payload of one answer; `tokens` is right after each of them.

    `model`, `id` and `tier` (OpenAI's and Anthropic's service tier) are what the provider said, "" if it did not.
    `cost` is the price in USD that the provider itself reported (OpenRouter, xAI), else None."""

    __slots__ = ("_beside", "_seen", "cost", "id", "model", "tier")

    def __init__(self) -> None:
        self._seen: dict[str, int] = {}
        self._beside = False  # whether the cached tokens are beside the input or inside it
        self.model = ""
        self.id = ""
        self.tier = ""
        self.cost: float | None = None

    def feed(self, data: bytes) -> None:
        """Takes the JSON payload of one event, or a whole body. Never raises.

        Decodes only what mentions usage and, until the model is known, what mentions a model."""
        if tells_usage(data) or (not self.model and b'"model' in data):
            for payload in _payloads(data):
                self._take(payload, _DEPTH)

    @property
    def tokens(self) -> Tokens:
        """What was reported so far; `source` is "absent" if that is nothing."""
        return _tokens(self._seen, self._beside)

    @property
    def cache_beside(self) -> bool:
        """Whether this provider counts cached tokens beside its input tokens (Anthropic), not as a part of them."""
        return self._beside

    @property
    def parts(self) -> dict[str, int]:
        """The keys of `names.PARTS` that were reported, each at most its bucket."""
        if not any(slot in self._seen for _, slot, _ in names.PARTS.values()):
            return {}
        tokens, seen = self.tokens, self._seen
        parts = {
            name: min(seen.get(slot, 0) - seen.get(cached, 0), getattr(tokens, bucket) or 0)
            for name, (bucket, slot, cached) in names.PARTS.items()
        }
        return {name: part for name, part in parts.items() if part > 0}

    def _take(self, payload: _Payload, depth: int) -> None:
        if depth:
            for inner in _inner(payload):
                self._take(inner, depth - 1)
        self.model = _text(payload.model) or _text(payload.modelVersion) or self.model
        self.id = _text(payload.id) or _text(payload.responseId) or _text(payload.request_id) or self.id
        self.tier = _text(payload.service_tier) or self.tier
        if isinstance(payload.timings, dict):
            self._timings(payload.timings, alone=not isinstance(payload.usage, dict))
        if isinstance(payload.usage, dict):
            self._usage(payload.usage)
        if isinstance(payload.usageMetadata, dict):
            self._usage(payload.usageMetadata)
        if isinstance(payload.billed_units, dict):
            self._note(payload.billed_units, names.USAGE)

    def _timings(self, block: dict[str, Any], *, alone: bool) -> None:
        if alone:
            self._beside = True
            self._note(block, names.TIMINGS)
        elif (cached := _count(block.get("cache_n"))) is not None:
            self._seen["read"] = cached  # an older llama.cpp tells it only here

    def _usage(self, block: dict[str, Any]) -> None:
        billed = block.get("billed_units")  # Cohere has what is billed beside what was processed
        self.tier = _text(block.get("service_tier")) or self.tier
        cost = _reported_cost(block)
        self.cost = self.cost if cost is None else cost
        if any(name in block for name in names.CACHE_INSIDE):
            self._beside = False
        elif any(name in block for name in names.CACHE_BESIDE):
            self._beside = True
        self._note(billed if isinstance(billed, dict) else block, names.USAGE)

    def _note(self, block: dict[str, Any], table: Mapping[str, Any]) -> None:
        found: dict[str, int] = {}
        _collect(block, table, found)
        self._seen.update(found)


def _payloads(data: bytes | msgspec.Raw) -> list[_Payload]:
    """A list is what Gemini streams when it is not asked for SSE."""
    try:
        return _decode_list(data) if bytes(memoryview(data)[:1]) == b"[" else [_decode(data)]
    except _BROKEN:
        return []


def _inner(payload: _Payload) -> Iterator[_Payload]:
    """The parts of a payload that may hold usage, model and id in their turn."""
    for raw in payload.wrapped():
        if raw and bytes(memoryview(raw)[:1]) == b"{":
            yield from _payloads(raw)
    if payload.usage is None and payload.choices and _USAGE in bytes(payload.choices):
        yield from _payloads(payload.choices)[:1]  # Moonshot


def _collect(block: dict[str, Any], table: Mapping[str, Any], found: dict[str, int]) -> None:
    """Adds the counts of a block by slot; the largest one where several names of a block mean the same."""
    for name, value in block.items():
        slot = table.get(name)
        if isinstance(slot, str):
            count = _count(value)
            if count is not None and count >= found.get(slot, 0):
                found[slot] = count
        elif slot is not None:
            if isinstance(value, dict):
                _collect(value, slot, found)
        elif name in names.LISTS and isinstance(value, list):
            found.update(_modalities(value, names.LISTS[name]))


def _modalities(items: list[Any], direction: str) -> dict[str, int]:
    found: dict[str, int] = {}
    for item in items:
        medium = names.MODALITIES.get(_text(item.get("modality"))) if isinstance(item, dict) else None
        if medium and (count := _count(item.get("tokenCount"))) is not None:
            slot = f"{direction}_{medium}"
            found[slot] = found.get(slot, 0) + count
    return found


def _tokens(seen: Mapping[str, int], beside: bool) -> Tokens:
    spent, read, write = seen.get("input"), seen.get("read"), seen.get("write")
    if write is None and ("write_5m" in seen or "write_1h" in seen):
        write = seen.get("write_5m", 0) + seen.get("write_1h", 0)
    if spent is None and "output" not in seen and "thoughts" not in seen:
        spent = seen.get("total")  # embeddings and rerank of some providers: all of it is input
    output, reasoning = _output(seen, spent, beside)
    if spent is not None and not beside:
        read = None if read is None else min(read, spent)
        write = None if write is None else min(write, spent - (read or 0))
        spent -= (read or 0) + (write or 0)
    if "tools" in seen:
        spent = (spent or 0) + seen["tools"]
    known = not (spent is None and read is None and write is None and output is None)
    return Tokens(
        input=spent,
        cache_read=read,
        cache_write=write,
        output=output,
        reasoning=reasoning,
        source="reported" if known else "absent",
    )


def _output(seen: Mapping[str, int], spent: int | None, beside: bool) -> tuple[int | None, int | None]:
    """Output with its reasoning, and the reasoning in it."""
    made, reasoning, total = seen.get("output"), seen.get("reasoning"), seen.get("total")
    if "thoughts" in seen:  # Gemini
        return (made or 0) + seen["thoughts"], seen["thoughts"]
    if made is None:
        return (0, None) if total is not None and total == spent else (None, None)  # embeddings make nothing
    if total is not None and spent is not None and not beside and "tools" not in seen and total > spent + made:
        hidden = (
            total - spent - made
        )  # xAI, and Gemini behind its OpenAI API, which tells the thoughts only in the total
        made += hidden
        reasoning = hidden if reasoning is None else reasoning
    elif reasoning is not None and reasoning > made:  # Perplexity: it cannot be a part of it
        made += reasoning
    return made, None if reasoning is None else min(reasoning, made)


def _reported_cost(block: dict[str, Any]) -> float | None:
    ticks = _amount(block.get("cost_in_usd_ticks"))
    if ticks is not None:
        return ticks / _TICKS
    cost, details = _amount(block.get("cost")), block.get("cost_details")
    if (
        cost is not None and block.get("is_byok") is True and isinstance(details, dict)
    ):  # the provider's own bill comes on top
        cost += _amount(details.get("upstream_inference_cost")) or 0.0
    return cost


def _amount(value: Any) -> float | None:
    return float(value) if type(value) in (int, float) and 0 <= value < LARGEST * _TICKS else None


def _count(value: Any) -> int | None:
    """A number of tokens; 5.0 is one, because JSON has no integers of its own."""
    if type(value) is float and value.is_integer():
        value = int(value)
    return value if type(value) is int and 0 <= value <= LARGEST else None


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def as_payload(tokens: Tokens, model: str) -> bytes:
    """Reported tokens in OpenAI's form, b"" if there are none."""
    if tokens.source != "reported":
        return b""
    spent = (tokens.input or 0) + (tokens.cache_read or 0) + (tokens.cache_write or 0)
    usage: dict[str, Any] = {"prompt_tokens": spent, "completion_tokens": tokens.output or 0}
    if tokens.cache_read is not None:
        usage["prompt_tokens_details"] = {"cached_tokens": tokens.cache_read}
    if tokens.reasoning is not None:
        usage["completion_tokens_details"] = {"reasoning_tokens": tokens.reasoning}
    return msgspec.json.encode({"model": model, "usage": usage} if model else {"usage": usage})
