"""The table of the dialects: each API has one."""

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
"""The dialect for requests to DashScope's native API. No path of a client uses it."""
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
    """Returns the dialect of an API by its name. An API without its own dialect gets the generic one, which only reads
    usage."""
    return DIALECTS.get(api, GENERIC)


def dialect_for(api: str, headers: Mapping[str, str]) -> Dialect:
    """Returns the dialect of a request. An Anthropic client gets Anthropic's errors also for other APIs, such as a list
    of models."""
    found = DIALECTS.get(api)
    if found is None:
        found = ANTHROPIC_GENERIC if "anthropic-version" in headers else GENERIC
    return found
