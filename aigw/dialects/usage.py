"""Reads the token usage from the answers of all providers, into counts that do not overlap. Sans-io.

Rule: providers report the usage so far, so for each number the last value wins, and nothing is summed over events. The
numbers of providers include different things (`usage_names` and `_tokens` handle this): OpenAI's prompt tokens include
the cached ones, Anthropic's input tokens do not. Gemini's candidates and xAI's completion do not include the thoughts.
Invalid values (texts, fractions, negative or huge numbers) are ignored."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aigw.core.tokens import Tokens
from aigw.dialects import usage_names as names
from aigw.dialects.json_values import encoded

LARGEST = 1_000_000_000
"""The largest valid number of tokens or USD. Larger numbers are ignored."""

_LATER = b'"usage":null}\n\n'
_DEPTH = 3  # how deep a payload is wrapped: response > message > usage
_WRAPPERS = ("response", "message", "result", "delta", "x_groq", "meta")
_OTHERS = frozenset((*_WRAPPERS, "timings", "usageMetadata", "billed_units"))
"""Nearly every payload has none of these names: one look for all of them takes 0.3 us less than one for each."""
_TICKS = 1e10  # xAI's ticks in a dollar


def mentions_usage(data: bytes) -> bool:
    """Whether the bytes of one or more payloads may contain usage. OpenAI's `"usage": null` does not count: it only
    says that usage will come later."""
    if data.endswith(_LATER) and data.find(b'"usage') == len(data) - len(_LATER):
        return False  # nearly all of OpenAI's events end in this way
    named = data.count(b'"usage')  # also usageMetadata
    if named and named > data.count(b'"usage":null') + data.count(b'"usage": null'):
        return True
    return data.count(b'"billed_units"') > 0 or data.count(b'"timings"') > 0


class UsageReader:
    """Reads the decoded payloads of one answer. After each payload, `tokens` is the usage so far.

    `model` and `tier` (the service tier of OpenAI and Anthropic) are as the provider reported them, "" if it did
    not. `cost` is the cost in USD that the provider reported (OpenRouter, xAI), else None. `beside` is true if the
    provider's input tokens do not include cached tokens (Anthropic)."""

    __slots__ = ("_known", "_seen", "beside", "cost", "model", "tier")

    def __init__(self) -> None:
        self._seen: dict[str, int] = {}
        self._known: Tokens | None = None
        self.beside = False
        self.model = ""
        self.tier = ""
        self.cost: float | None = None

    def take(self, payload: Any) -> None:
        """Takes a decoded event or body: an object, or a list as Gemini sends it if it streams without events. Never
        raises."""
        if isinstance(payload, dict):
            self._take(payload, _DEPTH)
        elif isinstance(payload, list):
            for each in payload:
                if isinstance(each, dict):
                    self._take(each, _DEPTH)

    @property
    def tokens(self) -> Tokens:
        """The usage so far. If nothing was reported, `source` is "absent"."""
        if self._known is None:
            self._known = _tokens(self._seen, self.beside)
        return self._known

    @property
    def parts(self) -> dict[str, int]:
        """The reported parts, by the keys of `usage_names.PARTS`. No part is larger than the count to which it
        belongs."""
        seen = self._seen
        if names.PART_SLOTS.isdisjoint(seen):
            return {}
        parts: dict[str, int] = {}
        for name, (bucket, slot, cached) in names.PARTS.items():
            if count := seen.get(slot):
                part = min(count - seen.get(cached, 0), getattr(self.tokens, bucket) or 0)
                if part > 0:
                    parts[name] = part
        return parts

    def _take(self, payload: dict[str, Any], depth: int) -> None:
        block, others = payload.get("usage"), not _OTHERS.isdisjoint(payload)
        if depth:
            if others:
                self._unwrap(payload, depth)
            if block is None and (first := _first_choice(payload)) is not None and "usage" in first:
                self._take(first, depth - 1)  # Moonshot
        if isinstance(found := payload.get("model") or payload.get("modelVersion"), str) and found:
            self.model = found
        self.tier = _text(payload.get("service_tier")) or self.tier
        if others and isinstance(timings := payload.get("timings"), dict):
            self._timings(timings, alone=not isinstance(block, dict))
        if isinstance(block, dict):
            self._usage(block)
        if others and isinstance(metadata := payload.get("usageMetadata"), dict):
            self._usage(metadata)
        if others and isinstance(billed := payload.get("billed_units"), dict):
            self._note(billed, names.USAGE)

    def _unwrap(self, payload: dict[str, Any], depth: int) -> None:
        for name in _WRAPPERS:
            if isinstance(inner := payload.get(name), dict):
                self._take(inner, depth - 1)

    def _timings(self, block: dict[str, Any], *, alone: bool) -> None:
        if alone:
            self.beside = True
            self._note(block, names.TIMINGS)
        elif (cached := count_of(block.get("cache_n"))) is not None:
            self._seen["read"] = cached  # an older llama.cpp tells it only here
            self._known = None

    def _usage(self, block: dict[str, Any]) -> None:
        billed = block.get("billed_units")  # Cohere has what is billed beside what was processed
        self.tier = _text(block.get("service_tier")) or self.tier
        if "cost" in block or "cost_in_usd_ticks" in block:
            cost = _reported_cost(block)
            self.cost = self.cost if cost is None else cost
        if not names.CACHE_INSIDE.isdisjoint(block):
            self.beside = False
        elif not names.CACHE_BESIDE.isdisjoint(block):
            self.beside = True
        self._note(billed if isinstance(billed, dict) else block, names.USAGE)

    def _note(self, block: dict[str, Any], table: Mapping[str, Any]) -> None:
        found: dict[str, int] = {}
        _collect(block, table, found)
        self._seen.update(found)
        self._known = None


def _first_choice(payload: dict[str, Any]) -> dict[str, Any] | None:
    choices = payload.get("choices")
    first = choices[0] if isinstance(choices, list) and choices else None
    return first if isinstance(first, dict) else None


def _collect(block: dict[str, Any], table: Mapping[str, Any], found: dict[str, int]) -> None:
    """Adds the counts of a block to `found`, by their slots. If several names of a block mean the same, the largest
    number is used."""
    for name, value in block.items():
        slot = table.get(name)
        if isinstance(slot, str):
            count = value if type(value) is int and 0 <= value <= LARGEST else count_of(value)
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
        if medium and (count := count_of(item.get("tokenCount"))) is not None:
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
    """Returns the output tokens, including reasoning, and the reasoning tokens."""
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


def count_of(value: Any) -> int | None:
    """Returns a number of tokens, None if the value is not one. 5.0 is valid, because JSON does not distinguish it from
    5."""
    if type(value) is float and value.is_integer():
        value = int(value)
    return value if type(value) is int and 0 <= value <= LARGEST else None


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def as_payload(tokens: Tokens, model: str) -> bytes:
    """Returns reported tokens in OpenAI's format, b"" if there are none."""
    if tokens.source != "reported":
        return b""
    spent = (tokens.input or 0) + (tokens.cache_read or 0) + (tokens.cache_write or 0)
    usage: dict[str, Any] = {"prompt_tokens": spent, "completion_tokens": tokens.output or 0}
    if tokens.cache_read is not None:
        usage["prompt_tokens_details"] = {"cached_tokens": tokens.cache_read}
    if tokens.reasoning is not None:
        usage["completion_tokens_details"] = {"reasoning_tokens": tokens.reasoning}
    return encoded({"model": model, "usage": usage} if model else {"usage": usage})
