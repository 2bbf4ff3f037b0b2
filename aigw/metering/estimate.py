"""Usage of an answer whose provider told none, or not all of it: a stream that was cut off, an upstream without usage.

Rule: what the provider told about the input stands; the output is at least what came through; everything that was
counted here is labelled "estimated". A report that says no less than what came through stands."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from aigw.core.document import Document
from aigw.core.env import Tokens as Counter
from aigw.core.model import Request
from aigw.core.reply import Outcome
from aigw.core.tokens import Tokens
from aigw.dialects.watch import UsageWatch

Prompt = str | Sequence[Mapping[str, Any]]

FEW_TOKENS = 8
"""A stream may begin with so many output tokens before any were made (Anthropic): they are no report of it."""


def estimate(
    reported: Tokens, *, prompt: Prompt, text: str, counter: Counter, model: str = "", reasoning: str = ""
) -> Tokens:
    """`reported` is what was read until the answer ended, `text` and `reasoning` what the client got until then
    (tool calls belong to `text`), `prompt` a text or OpenAI chat messages.

    Counts, so it takes time with long texts: not on the event loop if a vocabulary is yet to be loaded."""
    thought = counter.count(reasoning, model) if reasoning else 0
    made = thought + (counter.count(text, model) if text else 0)
    spent = reported.input
    if spent is None and reported.cache_read is None and reported.cache_write is None:
        spent = counter.count(prompt, model) if isinstance(prompt, str) else counter.count_chat(prompt, model)
    if reported.output is not None and made <= reported.output and spent == reported.input:
        return reported
    return Tokens(
        input=spent,
        cache_read=reported.cache_read,
        cache_write=reported.cache_write,
        output=max(made, reported.output or 0),
        reasoning=max(thought, reported.reasoning or 0) if reasoning or reported.reasoning is not None else None,
        source="estimated",
    )


def is_told(reported: Tokens, outcome: Outcome) -> bool:
    """Whether the provider told all, or told as it went where the stream was cut off."""
    return reported.source == "reported" and (outcome is Outcome.COMPLETE or (reported.output or 0) > FEW_TOKENS)


def estimate_answer(request: Request, watch: UsageWatch, *, counter: Counter, model: str = "") -> Tokens:
    """What the answer to `request`, as it was sent, used. Takes time, as `estimate` does."""
    known = watch.estimated
    if known is not None and known[:2] == (watch.size, model):
        return known[2]
    text, reasoning = watch.produced()
    prompt = _prompt(request)
    counted = estimate(watch.tokens, prompt=prompt, text=text, counter=counter, model=model, reasoning=reasoning)
    if (share := watch.share) != 1:
        counted = msgspec.structs.replace(counted, output=int((counted.output or 0) * share))
    watch.estimated = (watch.size, model, counted)
    return counted


def _prompt(request: Request) -> Prompt:
    """What was sent to the provider, for counting."""
    try:
        messages = Document(request.body).get("messages")
    except ValueError:
        return ""
    if isinstance(messages, list) and all(isinstance(message, dict) for message in messages):
        return messages
    return request.body.decode("utf-8", "replace")
