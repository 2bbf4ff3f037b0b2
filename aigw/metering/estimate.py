"""Estimates the usage of an answer whose provider did not report it, or not all of it: a stream that was cut off, or an
upstream that never reports usage.

Rule: limits, budgets and the usage row all ask here, so that they agree. The numbers of the provider for the input are
kept. The output is at least what arrived. If anything is counted here, the source of the tokens is "estimated". If the
report of the provider covers all that arrived, it is kept as it is."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil

import msgspec

from aigw.core.answer import Reader
from aigw.core.dialect import Turn
from aigw.core.env import Tokenizer
from aigw.core.exchange import Exchange
from aigw.core.tokens import Tokens
from aigw.dialects.reader import BYTES_PER_TOKEN

FEW_TOKENS = 8
"""Anthropic's streams begin with a small number of output tokens, before there is any output. A number up to this one
is not taken as a report."""


def estimate(
    reported: Tokens,
    *,
    prompt: Sequence[Turn],
    text: str,
    tokenizer: Tokenizer | None,
    model: str = "",
    reasoning: str = "",
    size: int = 0,
    unread: int = 0,
) -> Tokens:
    """Returns the estimated tokens, or `reported` if that covers all. `reported` is what the provider had reported when
    the answer ended. `text` and `reasoning` are what had arrived by then. `text` includes the tool calls. `size` are
    the bytes of a prompt that has no text to count, `unread` those of the answer that could not be read.

    It counts tokens, which takes time for long texts and loads a vocabulary at first. So do not call it on the event
    loop. Without a tokenizer it takes no time, and goes by sizes alone."""
    thought = _count(reasoning, model, tokenizer)
    made = thought + _count(text, model, tokenizer) + ceil(unread / BYTES_PER_TOKEN)
    spent = reported.input
    if spent is None and reported.cache_read is None and reported.cache_write is None:
        spent = (tokenizer.count_turns(prompt, model) if tokenizer else 0) or ceil(size / BYTES_PER_TOKEN)
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


def _count(text: str, model: str, tokenizer: Tokenizer | None) -> int:
    if tokenizer is None:
        return ceil(len(text.encode("utf-8", "surrogatepass")) / BYTES_PER_TOKEN)
    return tokenizer.count(text, model) if text else 0


def needs_estimate(exchange: Exchange, answer: Reader) -> bool:
    """Whether the provider reported less than was used: no final usage or only one half of it, or for an answer that
    was cut off, none during the stream. An answer that has begun has used its prompt. An error has used only what came
    before it."""
    tokens = answer.tokens
    if tokens.source == "reported" and ((tokens.output or 0) > FEW_TOKENS or answer.complete):
        half = tokens.input is None or tokens.output is None  # the other count was null, say, or no number
        return half and bool(answer.text or answer.reasoning or answer.calls)
    began = (exchange.timing.first is not None or (answer.size > 0 and exchange.asked.metered)) and not answer.error
    return began or bool(answer.text or answer.reasoning or answer.calls)


def estimate_answer(exchange: Exchange, answer: Reader, *, tokenizer: Tokenizer | None) -> Tokens:
    """Returns the estimated usage of `answer` and of the request that was sent for it, by the vocabulary of the model
    that answered, or else of the requested one. Like `estimate`, it takes time unless there is no tokenizer. The result
    is stored in the answer, so that a second call returns it at once."""
    known = answer.estimated
    if known is not None and known[0] == answer.size:
        return known[1]
    sent = exchange.sent
    text = answer.text + "".join([call.name + call.arguments for call in answer.calls])
    counted = estimate(
        answer.tokens,
        prompt=sent.turns if tokenizer else (),
        text=text,
        tokenizer=tokenizer,
        model=answer.model or sent.model,
        reasoning=answer.reasoning,
        size=sent.size,
        unread=answer.unread,
    )
    if not (counted.input or counted.output):
        counted = msgspec.structs.replace(counted, output=1)  # nothing is free because nobody could read it
    if (share := answer.share) != 1:
        counted = msgspec.structs.replace(counted, output=int((counted.output or 0) * share), source="estimated")
    answer.estimated = (answer.size, counted)
    return counted
