"""Usage of an answer whose provider told none, or not all of it: a stream that was cut off, an upstream without usage.

Rule: limits, budgets and the usage row all ask here, so that they say the same. What the provider told about the input
stands; the output is at least what came through; everything that was
counted here is labelled "estimated". A report that says no less than what came through stands."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from aigw.core.dialect import Reader, Turn
from aigw.core.env import Tokenizer
from aigw.core.exchange import Exchange
from aigw.core.tokens import Tokens

FEW_TOKENS = 8
"""A stream may begin with so many output tokens before any were made (Anthropic): they are no report of it."""


def estimate(
    reported: Tokens, *, prompt: Sequence[Turn], text: str, tokenizer: Tokenizer, model: str = "", reasoning: str = ""
) -> Tokens:
    """`reported` is what was read until the answer ended, `text` and `reasoning` what the client got until then
    (tool calls belong to `text`).

    Counts, so it takes time with long texts: not on the event loop if a vocabulary is yet to be loaded."""
    thought = tokenizer.count(reasoning, model) if reasoning else 0
    made = thought + (tokenizer.count(text, model) if text else 0)
    spent = reported.input
    if spent is None and reported.cache_read is None and reported.cache_write is None:
        spent = tokenizer.count_turns(prompt, model)
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


def needs_estimate(exchange: Exchange, answer: Reader) -> bool:
    """Whether the provider told less than what it used: neither all of it, nor as it went where the answer has no end.
    A stream that has begun has used its prompt; an error has used nothing but what came before it."""
    tokens = answer.tokens
    if tokens.source == "reported" and ((tokens.output or 0) > FEW_TOKENS or answer.complete):
        return False
    began = exchange.timing.first is not None and not answer.error
    return began or bool(answer.text or answer.reasoning or answer.calls)


def estimate_answer(exchange: Exchange, answer: Reader, *, tokenizer: Tokenizer) -> Tokens:
    """What `answer` used, to the request as it was sent, by the vocabulary of the model that answered, or else was
    asked. Takes time, as `estimate` does; who asks for the same answer again gets the same numbers at once."""
    known = answer.estimated
    if known is not None and known[0] == answer.size:
        return known[1]
    sent = exchange.wire.asked(exchange.request, exchange.api)
    text = answer.text + "".join([call.name + call.arguments for call in answer.calls])
    counted = estimate(
        answer.tokens,
        prompt=sent.turns,
        text=text,
        tokenizer=tokenizer,
        model=answer.model or sent.model,
        reasoning=answer.reasoning,
    )
    if (share := answer.share) != 1:
        counted = msgspec.structs.replace(counted, output=int((counted.output or 0) * share))
    answer.estimated = (answer.size, counted)
    return counted
