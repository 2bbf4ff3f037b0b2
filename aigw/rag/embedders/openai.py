"""`openai:MODEL`: a service with OpenAI's API for embeddings, for which a question and a passage are the same."""

from __future__ import annotations

from collections.abc import Sequence

from aigw.clients.openai_embeddings import EMBED_PATH, Vector, embed_body, vectors_in
from aigw.clients.service import Service
from aigw.core.env import Env
from aigw.core.retrieval import Purpose
from aigw.rag.embedders.remote import RemoteEmbedder
from aigw.rag.settings import OpenAISettings


def openai_embedder(settings: OpenAISettings, env: Env) -> RemoteEmbedder:
    """Raises ValueError, ConfigError."""
    service = Service(env, settings.url, settings.api_key, settings.timeout)

    async def ask(texts: Sequence[str], _: Purpose) -> list[Vector]:
        return vectors_in(await service.post(EMBED_PATH, embed_body(settings.model, texts, settings.dimensions)))

    return RemoteEmbedder("openai", ask, settings, env)
