"""`dashscope:MODEL`: DashScope's own API for embeddings."""

from __future__ import annotations

from collections.abc import Sequence

from aigw.clients.dashscope import EMBED_PATH, TextType, Vector, embed_body, vectors_in
from aigw.clients.service import Service
from aigw.core.env import Env
from aigw.core.retrieval import Purpose
from aigw.rag.embedders.remote import RemoteEmbedder
from aigw.rag.settings import DashScopeSettings


def dashscope_embedder(settings: DashScopeSettings, env: Env) -> RemoteEmbedder:
    """Raises ValueError, ConfigError."""
    service = Service(env, settings.url, settings.api_key, settings.timeout)

    async def ask(texts: Sequence[str], purpose: Purpose) -> list[Vector]:
        kind: TextType = "query" if purpose == "query" else "document"
        return vectors_in(await service.post(EMBED_PATH, embed_body(settings.model, texts, kind, settings.dimensions)))

    return RemoteEmbedder("dashscope", ask, settings, env)
