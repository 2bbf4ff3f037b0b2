"""Which API is in which dialect: a row each."""

from __future__ import annotations

from collections.abc import Mapping

from aigw.core.dialect import Dialect
from aigw.dialects import apis
from aigw.dialects.anthropic import AnthropicCount, AnthropicMessages
from aigw.dialects.dashscope import DashScope
from aigw.dialects.errors import AnthropicGeneric
from aigw.dialects.gemini import Gemini
from aigw.dialects.generic import Generic
from aigw.dialects.openai_chat import OpenAIChat
from aigw.dialects.openai_completions import OpenAICompletions
from aigw.dialects.openai_embeddings import OpenAIEmbeddings
from aigw.dialects.openai_responses import OpenAIResponses

GENERIC: Dialect = Generic()
ANTHROPIC_GENERIC: Dialect = AnthropicGeneric()
GEMINI: Dialect = Gemini()
DASHSCOPE: Dialect = DashScope()
"""What a provider may be asked in; no path of a client's is known by it."""
DASHSCOPE_APIS = frozenset((apis.CHAT, apis.EMBEDDINGS))

DIALECTS: dict[str, Dialect] = {
    apis.CHAT: OpenAIChat(),
    apis.COMPLETIONS: OpenAICompletions(),
    apis.EMBEDDINGS: OpenAIEmbeddings(),
    apis.RESPONSES: OpenAIResponses(),
    apis.MESSAGES: AnthropicMessages(),
    apis.COUNT_TOKENS: AnthropicCount(),
    apis.COMPLETE: ANTHROPIC_GENERIC,
    apis.GENERATE_CONTENT: GEMINI,
    apis.STREAM_GENERATE_CONTENT: GEMINI,
}


def dialect_of(api: str) -> Dialect:
    """The dialect of an API by its name; that of what is read only for its usage where it has none of its own."""
    return DIALECTS.get(api, GENERIC)


def dialect_for(api: str, headers: Mapping[str, str]) -> Dialect:
    """The dialect of a request: an Anthropic client may also ask for what is no API of theirs (a list of models)."""
    found = DIALECTS.get(api)
    if found is None:
        found = ANTHROPIC_GENERIC if "anthropic-version" in headers else GENERIC
    return found
