"""The table of the dialects: each API has one."""

from __future__ import annotations

import re
from collections.abc import Mapping

from aigw.core.dialect import Dialect
from aigw.dialects import apis
from aigw.dialects.anthropic import AnthropicCount, AnthropicMessages
from aigw.dialects.converse import Converse
from aigw.dialects.dashscope import DashScope
from aigw.dialects.errors import AnthropicGeneric, DashScopeGeneric, DashVectorGeneric, GeminiGeneric
from aigw.dialects.gemini import Gemini
from aigw.dialects.generic import Generic
from aigw.dialects.openai_chat import OpenAIChat
from aigw.dialects.openai_completions import OpenAICompletions
from aigw.dialects.openai_embeddings import OpenAIEmbeddings
from aigw.dialects.openai_responses import OpenAIResponses, OpenAIResponsesCount
from aigw.dialects.vertex_embeddings import VertexEmbeddings

GENERIC: Dialect = Generic()
ANTHROPIC_GENERIC: Dialect = AnthropicGeneric()
GEMINI: Dialect = Gemini()
GEMINI_GENERIC: Dialect = GeminiGeneric()
DASHSCOPE: Dialect = DashScope()
"""The dialect for requests to DashScope's native API. No path of a client uses it."""
VERTEX_EMBEDDINGS: Dialect = VertexEmbeddings()
CONVERSE: Dialect = Converse()
NATIVE: Mapping[str, Mapping[str, Dialect]] = {
    "qwen": {apis.CHAT: DASHSCOPE, apis.EMBEDDINGS: DASHSCOPE},
    "vertex": {apis.EMBEDDINGS: VERTEX_EMBEDDINGS},
}
"""Wire format of a provider -> API -> the dialect in which requests of this API go to it."""

DIALECTS: dict[str, Dialect] = {
    apis.CHAT: OpenAIChat(),
    apis.COMPLETIONS: OpenAICompletions(),
    apis.EMBEDDINGS: OpenAIEmbeddings(),
    apis.RESPONSES: OpenAIResponses(),
    apis.INPUT_TOKENS: OpenAIResponsesCount(),
    apis.MESSAGES: AnthropicMessages(),
    apis.COUNT_TOKENS: AnthropicCount(),
    apis.COMPLETE: ANTHROPIC_GENERIC,
    apis.GENERATE_CONTENT: GEMINI,
    apis.STREAM_GENERATE_CONTENT: GEMINI,
    apis.MESSAGE_BATCHES: ANTHROPIC_GENERIC,
    apis.GEMINI_COUNT_TOKENS: GEMINI_GENERIC,
    apis.EMBED_CONTENT: GEMINI_GENERIC,
    apis.BATCH_EMBED_CONTENTS: GEMINI_GENERIC,
    apis.GEMINI_MODELS: GEMINI_GENERIC,
    apis.CONVERSE: CONVERSE,
    apis.CONVERSE_STREAM: CONVERSE,
}
_FAMILIES: tuple[tuple[re.Pattern[str], Dialect], ...] = (
    (re.compile(r"/v1(alpha|beta)(?!/openai)|:[a-z]+$", re.IGNORECASE), GEMINI_GENERIC),
    (re.compile(r"/v1/(messages|complete)\b", re.IGNORECASE), ANTHROPIC_GENERIC),
    (re.compile(r"/v1/collections(/|$)|/service_version$"), DashVectorGeneric()),
    (re.compile(r"/api/v1/services/embeddings/"), DashScopeGeneric()),
)
"""Whose clients use a path that is not known itself."""
_CLIENTS = (
    ("anthropic-version", ANTHROPIC_GENERIC),
    ("x-goog-api-key", GEMINI_GENERIC),
    ("x-goog-api-client", GEMINI_GENERIC),
)
"""The headers by which a client shows whose SDK it is."""


def dialect_of(api: str) -> Dialect:
    """Returns the dialect of an API by its name. An API without its own dialect gets the generic one, which only reads
    usage."""
    return DIALECTS.get(api, GENERIC)


def dialect_for(api: str, headers: Mapping[str, str], path: str = "") -> Dialect:
    """Returns the dialect of a request. Where its API has none, the path and the headers tell whose client sent it, so
    that it can read the errors: also on paths that are not known, and for a list of models."""
    return DIALECTS.get(api) or _generic(api, headers, path)


def _generic(api: str, headers: Mapping[str, str], path: str) -> Dialect:
    if not api:
        for pattern, dialect in _FAMILIES:
            if pattern.search(path):
                return dialect
    return next((dialect for name, dialect in _CLIENTS if name in headers), GENERIC)
