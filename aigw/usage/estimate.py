"""Usage of an answer whose provider told none, or not all of it: a stream that was cut off, an upstream without usage.

Rule: what the provider told about the input stands; the output is at least what came through; everything that was
counted here is labelled "estimated". A report that says no less than what came through stands."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from aigw.core.env import Tokens as Counter
from aigw.usage.row import Tokens

Prompt = str | Sequence[Mapping[str, Any]]


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
