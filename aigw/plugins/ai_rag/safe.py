"""ai-rag with `fidelity: safe`: passages for the question are put into the request, and all else of it stays.

Rule: what fails here never fails the request. It goes on without passages, and the header, the log and the terminal say
why."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple
from urllib.parse import quote

from aigw.core.aside import aside
from aigw.core.env import Env
from aigw.core.exchange import Exchange
from aigw.core.plain import header_text
from aigw.core.plugin import Next
from aigw.core.reply import Reply
from aigw.core.retrieval import Hit, RetrievalError, Retrieved
from aigw.plugins.ai_rag.context import NOTE, Placed, fenced, put, question_place, within
from aigw.plugins.ai_rag.search import Searcher

NAME = "ai-rag"
RECALL = "x-envoy-rag-recall"
HEADER = "x-aigw-rag"
_SHOWN = 1000
"""The length of the header at most, so that clients take it."""


class Settings(NamedTuple):
    """The settings of a search. `threshold` is the largest distance of a passage, `least` the smallest similarity (1 -
    distance)."""

    threshold: float | None
    least: float
    as_messages: bool
    template: str
    budget: int


class SafeRag:
    def __init__(self, searcher: Searcher, settings: Settings, env: Env) -> None:
        self._searcher = searcher
        self._settings = settings
        self._env = env

    async def __call__(self, exchange: Exchange, call_next: Next) -> Reply:
        size = len(exchange.request.body)
        placed = await aside(size, _question, exchange)
        if placed is None:
            return await call_next(exchange)
        failed = False
        hits: Sequence[Hit] = ()
        try:
            hits = await self._find(exchange, placed.said)
            told = _header_value(hits) if hits else "nothing found"
        except RetrievalError as error:
            self._env.log.warning("ai-rag: %s", error)
            failed, told = True, f"failed; {header_text(str(error), _SHOWN)}"
        if hits:
            await aside(size, self._put, exchange, placed, hits)
        noun = "passage" if len(hits) == 1 else "passages"
        exchange.labels.remarks[NAME] = f"{len(hits)} {noun}" if hits else told
        exchange.labels.retrieved = [Retrieved(hit.passage.id, round(hit.score, 4)) for hit in hits]
        exchange.labels.span_tags["rag_docs"] = ", ".join(hit.passage.id for hit in hits)
        reply = await call_next(exchange)
        reply.headers[RECALL] = "true" if hits else "false"
        reply.headers[HEADER] = told
        reply.makeshift = reply.makeshift or failed
        return reply

    async def _find(self, exchange: Exchange, question: str) -> Sequence[Hit]:
        """Raises RetrievalError."""
        near = [hit for hit in await self._searcher.search(question) if self._is_near(hit)]
        return within(near, self._env.tokenizer, self._settings.budget, exchange.asked.model)

    def _is_near(self, hit: Hit) -> bool:
        threshold = self._settings.threshold
        return (threshold is None or hit.distance <= threshold) and 1 - hit.distance >= self._settings.least

    def _put(self, exchange: Exchange, placed: Placed, hits: Sequence[Hit]) -> None:
        texts = [fenced(number, hit) for number, hit in enumerate(hits, start=1)]
        texts[0] = f"{NOTE}\n\n{texts[0]}"
        document, settings = exchange.request.document, self._settings
        put(exchange.dialect, document, placed, texts, as_messages=settings.as_messages, template=settings.template)


def _question(exchange: Exchange) -> Placed | None:
    """Returns the question, None if the request has none that a model answers."""
    asked = exchange.asked
    if not exchange.request.is_json or not asked.generates:
        return None
    try:
        return question_place(asked)
    except ValueError:
        return None


def _header_value(hits: Sequence[Hit]) -> str:
    told = ""
    for hit in hits:
        one = f"{quote(hit.passage.id, safe='/:#.-_~')};score={hit.score:.3f};distance={hit.distance:.3f}"
        if len(told) + len(one) > _SHOWN:
            return f"{told}, ..." if told else f"{len(hits)} passages"
        told += f", {one}" if told else one
    return told
