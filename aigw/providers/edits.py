"""Changes the JSON body of a request as the provider's configuration says, in the same order as Higress. higress.py has
what Higress does in another way."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import ClassVar

from multidict import CIMultiDict

from aigw.core.aside import aside
from aigw.core.dialect import Asked
from aigw.core.document import Document
from aigw.core.env import Env
from aigw.core.model import Request
from aigw.dialects import anthropic_cloud, apis, embedding_format, gemini_edit, openai_chat_request, vertex_embeddings
from aigw.dialects import dashscope_openai as qwen
from aigw.dialects.errors import refuse_threads
from aigw.dialects.model_field import named_model, set_model
from aigw.dialects.table import dialect_of
from aigw.providers.config import CustomSetting, ProviderConfig
from aigw.providers.context import ContextText
from aigw.providers.custom_settings import CustomSettings
from aigw.providers.mapping import ModelMapping
from aigw.providers.provider import Provider
from aigw.translation.anthropic.cache_lifetimes import drop_lifetimes
from aigw.translation.anthropic.foreign_thoughts import drop_foreign_thoughts
from aigw.translation.chat.foreign_signatures import drop_foreign_signatures
from aigw.translation.gemini.foreign_signatures import mentions_envelope, replace_foreign_signatures
from aigw.translation.responses.foreign_reasoning import drop_foreign_reasoning

_IN_ANTHROPICS_FORMAT = (apis.MESSAGES, apis.COUNT_TOKENS)
_DROPS_FOREIGN: Mapping[str, Callable[[Document], None]] = {
    apis.CHAT: drop_foreign_signatures,
    apis.RESPONSES: drop_foreign_reasoning,
    **dict.fromkeys(_IN_ANTHROPICS_FORMAT, drop_foreign_thoughts),
}
"""By API: leaves what another provider has signed out of a request that goes on as it is. `drop_foreign` is for those
whose path has the model."""


class BodyEdits:
    encode_chat = staticmethod(qwen.encode_chat)
    encode_embeddings = staticmethod(qwen.encode_embeddings)
    switch_thinking = staticmethod(openai_chat_request.stop_thinking)
    writes_empty_model: ClassVar[bool] = False
    """Whether a request that names no model gets one that is ""."""
    reads_parts: ClassVar[bool] = True
    """Whether a command of `contextCleanupCommands` may be the only part of a message."""

    def __init__(self, config: ProviderConfig, row: Provider, env: Env) -> None:
        self._config = config
        self._row = row
        self.adds_model = self._adds_model(row)
        self._fits = bool(row.defaults or row.drops or row.moves or row.switches_thinking)
        self._settings = CustomSettings(config.custom_settings) if config.custom_settings else None
        self._mapping = ModelMapping(config.model_mapping)
        self._keeps_cache_lifetimes = row.keeps_cache_lifetimes or env.choose(safe=False, higress=True)
        self._drops_foreign = env.choose(safe=_DROPS_FOREIGN, higress={})
        self._context = ContextText(config.context, timeout=config.timeout / 1000, env=env) if config.context else None

    def _adds_model(self, row: Provider) -> bool:
        """Whether a request that names no model gets the one that is configured for it."""
        return True

    async def context(self, asked: Asked, api: str, size: int) -> str | None:
        """Returns the text of the context file for a conversation of so many bytes, None if none is to be inserted.
        Raises GatewayError if it cannot be fetched."""
        if self._context is None:
            return None
        return await self._context.text() if await aside(size, _is_conversation, asked) else None

    def prepare(self, document: Document, api: str, context: str | None, *, native: bool = True) -> None:
        """Makes the changes that do not depend on the type of the provider. `native`: the provider gets this body, and
        none that is translated from it. Raises ValueError if the body is not valid for `api`."""
        if self._settings:
            self._settings.apply(document)
        usage = native and self._row.injects_usage and not self._config.disable_stream_usage_stats
        if usage and api in apis.INCLUDE_USAGE:
            openai_chat_request.ask_for_usage(document)
        if native and api == apis.CHAT and not self._row.stores_chats:
            self._drop_idle(document)
        if native and (drop_foreign := self._drops_foreign.get(api)) is not None:
            drop_foreign(document)
        if native and not self._keeps_cache_lifetimes and api in _IN_ANTHROPICS_FORMAT:
            refuse_threads(document)
            drop_lifetimes(document)
        if api == apis.CHAT:
            self._edit_messages(document, context)
        elif context is not None:
            dialect_of(api).insert(document, [("system", context)], "behind system")

    def fit(self, document: Document, api: str) -> str:
        """Makes the changes that this type of provider needs. Returns the mapped model. Raises ValueError as `prepare`
        does."""
        schema = self._config.response_json_schema
        if api == apis.CHAT and self._row.takes_response_schema and schema is not None:
            openai_chat_request.set_response_format(document, schema)
            self._written_anew(document)
        if self._fits or api == apis.EMBEDDINGS:
            self._fit_fields(document, api)
        return self._map_model(document)

    def _drop_idle(self, document: Document) -> None:
        openai_chat_request.drop_idle_store(document)

    def _written_anew(self, document: Document) -> None:
        """Is called after a change for which Higress serialises the request again. Here nothing more is changed."""

    def _edit_messages(self, document: Document, context: str | None) -> None:
        config, row = self._config, self._row
        if config.context_cleanup_commands:
            commands = config.context_cleanup_commands
            openai_chat_request.clean_context(document, commands, in_part=self.reads_parts)
        if config.merge_consecutive_messages or config.hiclaw_mode:
            openai_chat_request.merge_consecutive(document)
        if not row.keeps_developer_role and openai_chat_request.rename_developer(document):
            self._written_anew(document)
        if context is not None and row.dialect != "qwen":
            openai_chat_request.insert_context(document, context)
            self._written_anew(document)

    def _fit_fields(self, document: Document, api: str) -> None:
        """Adds, drops and moves fields that this provider needs, rejects, or has in another place."""
        row = self._row
        for name, value in row.defaults.get(api, {}).items():
            if name not in document:
                document.set(name, value)
        for name in row.drops.get(api, ()):
            document.drop(name)
        for move in row.moves.get(api, ()):
            value = document.get(move.name)
            if value:
                for name in (move.name, *move.drops):
                    document.drop(name)
                CustomSettings([CustomSetting(name=move.to, value=value, mode="raw")]).apply(document)
        if row.switches_thinking and api == apis.CHAT:
            self.switch_thinking(document)
        if api == apis.EMBEDDINGS:
            self._drop_nulls(document)

    def _drop_nulls(self, document: Document) -> None:
        embedding_format.drop_null(document)

    def map(self, model: str) -> str:
        """Returns the model that stands for this one."""
        return self._mapping.map(model) if self._row.maps_models else model

    def name(self, request: Request, model: str) -> None:
        """Puts another model where a body names it beside the path."""
        request.parse()
        if request.parsed is not None:
            gemini_edit.set_model(request.parsed, model)

    def drop_foreign(self, request: Request) -> None:
        """Leaves what another provider has signed out of a request in Gemini's format that goes on as it is."""
        if mentions_envelope(request.body):
            with suppress(ValueError):  # if this is no request, the provider says so
                replace_foreign_signatures(request.document, self._row.type)

    def _map_model(self, document: Document) -> str:
        asked = named_model(document)
        if not self._row.maps_models or asked is None:
            return asked or ""
        model = self._mapping.map(asked)
        if model != asked or not asked:
            adds = self.adds_model and bool(model or self.writes_empty_model)
            set_model(document, model, adds=adds)
        if self._row.preserves_thinking and self._preserves_thinking(model):
            openai_chat_request.preserve_thinking(document)
        return model

    def _preserves_thinking(self, model: str) -> bool:
        return any(
            model.startswith(pattern[:-1]) if pattern.endswith("*") else model == pattern
            for pattern in self._row.preserves_thinking
        )

    def convert(self, document: Document, api: str, headers: CIMultiDict[str], context: str | None) -> bytes:
        """Returns the body in the provider's own wire format. Raises ValueError if a field has no counterpart there."""
        if self._row.messages_version and api in _IN_ANTHROPICS_FORMAT:
            return anthropic_cloud.encode(document, api, headers, self._row.messages_version)
        if self._row.dialect == "vertex" and api == apis.EMBEDDINGS:
            return vertex_embeddings.encode(document)
        if self._row.dialect != "qwen":
            return document.encode()
        if api == apis.EMBEDDINGS:
            return self.encode_embeddings(document)
        if api != apis.CHAT:
            return document.encode()
        headers.update(qwen.headers_for(document))
        search, files = self._config.qwen_enable_search, self._config.qwen_file_ids
        return self.encode_chat(document, search=search, file_ids=files, context=context)


def _is_conversation(asked: Asked) -> bool:
    return any(turn.role for turn in asked.turns)
