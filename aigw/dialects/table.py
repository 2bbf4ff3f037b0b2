"""Which API is in which dialect."""

from __future__ import annotations

from collections.abc import Mapping

from aigw.core.dialect import Dialect
from aigw.dialects import apis
from aigw.dialects.dashscope import DashScope
from aigw.dialects.gemini import Gemini
from aigw.dialects.generic import Generic
from aigw.dialects.openai_chat import OpenAIChat
from aigw.dialects.openai_completions import OpenAICompletions
from aigw.dialects.openai_embeddings import OpenAIEmbeddings

GENERIC: Dialect = Generic()

GEMINI: Dialect = Gemini()
DASHSCOPE: Dialect = DashScope()
"""What a provider may be asked in; no path of a client's is known by it."""

DIALECTS: Mapping[str, Dialect] = {
    apis.CHAT: OpenAIChat(),
    apis.COMPLETIONS: OpenAICompletions(),
    apis.EMBEDDINGS: OpenAIEmbeddings(),
    apis.GENERATE_CONTENT: GEMINI,
    apis.STREAM_GENERATE_CONTENT: GEMINI,
}


def dialect_of(api: str | None) -> Dialect:
    """The dialect of an API by its name; that of what is read only for its usage where it has none of its own."""
    return DIALECTS.get(api, GENERIC) if api else GENERIC
