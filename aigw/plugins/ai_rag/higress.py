"""ai-rag exactly as in Higress: the text of the last message is embedded, documents are searched by the vector, and the
body is written anew with a few of its fields.

Where Higress crashes (no embedding; in the form of June 2024 also no document), the request passes as it is."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from aigw.clients.callout import CalloutError
from aigw.clients.dashscope import DashScopeClient
from aigw.clients.dashvector import DashVectorClient, Doc
from aigw.core.aside import aside
from aigw.core.exchange import Exchange
from aigw.core.plugin import Next
from aigw.core.reply import Reply
from aigw.higress import retrieval
from aigw.higress.retrieval import Chat
from aigw.plugins.ai_rag.config import Config
from aigw.plugins.ai_rag.safe import RECALL

ORIGINAL_PATH = "/api/openai/v1/chat/completions"
Warn = Callable[[str], None]


class HigressRag:
    """ai-rag of today's Higress."""

    def __init__(self, config: Config, embedder: DashScopeClient, vectors: DashVectorClient, warn: Warn) -> None:
        found = config.dashvector
        self._top = found.topk or 1
        self._threshold = found.threshold or 0.0
        self._field = found.field_name or retrieval.RAW
        self._embedder = embedder
        self._vectors = vectors
        self._warn = warn

    async def __call__(self, exchange: Exchange, call_next: Next) -> Reply:
        chat = await aside(len(exchange.request.body), _chat, exchange)
        found = await self._near(chat) if chat is not None and chat.messages else []
        if chat is not None and found:
            _write(exchange, retrieval.as_messages(chat, [retrieval.text_of(doc.fields) for doc in found]))
            exchange.labels.span_tags["rag_docs"] = ", ".join(doc.id for doc in found)
        reply = await call_next(exchange)
        reply.headers[RECALL] = "true" if found else "false"
        return reply

    async def _near(self, chat: Chat) -> Sequence[Doc]:
        docs = await _query(chat, self._embedder, self._vectors, self._top, self._field, self._warn)
        return [doc for doc in docs if doc.score <= self._threshold]


class OriginalRag:
    """The form of June 2024: one path, one document, no threshold."""

    def __init__(self, embedder: DashScopeClient, vectors: DashVectorClient, warn: Warn) -> None:
        self._embedder = embedder
        self._vectors = vectors
        self._warn = warn

    async def __call__(self, exchange: Exchange, call_next: Next) -> Reply:
        size = len(exchange.request.body) if exchange.request.path == ORIGINAL_PATH else 0
        chat = await aside(size, _chat, exchange) if size else None
        if chat is not None and chat.messages:
            docs = await _query(chat, self._embedder, self._vectors, 1, retrieval.RAW, self._warn)
            if docs:
                _write(exchange, retrieval.in_question(chat, retrieval.text_of(docs[0].fields)))
        return await call_next(exchange)


async def _query(
    chat: Chat, embedder: DashScopeClient, vectors: DashVectorClient, top: int, field: str, warn: Warn
) -> Sequence[Doc]:
    """`output_fileds` is spelt as Higress spells it, so that DashVector returns all fields."""
    try:
        vector = await embedder.embed(chat.question)
        return await vectors.query({"topk": top, "output_fileds": [field], "vector": vector})
    except CalloutError as error:
        warn(f"ai-rag: {error}")
        return []


def _chat(exchange: Exchange) -> Chat | None:
    request = exchange.request
    if not request.is_json:
        return None
    request.seal()
    return retrieval.read(request.body)


def _write(exchange: Exchange, body: bytes) -> None:
    exchange.request.body = body
    exchange.request.parsed = None
