"""The formats into which Higress brings OpenAI's requests for providers that do not speak OpenAI's: Anthropic's and
Gemini's. Which one it is, a row's paths tell."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol
from urllib.parse import quote
from uuid import UUID

from aigw.core.dialect import Dialect
from aigw.core.env import Env
from aigw.core.layers import Decoder
from aigw.dialects import apis
from aigw.dialects.json_values import Json
from aigw.dialects.table import dialect_of
from aigw.providers.config import ProviderConfig
from aigw.providers.provider import Provider
from aigw.translation.higress import anthropic_answer, anthropic_request, gemini_answer, gemini_request


class Format(Protocol):
    """A format that Higress writes for providers. `dialects` are the APIs that are brought into the format, and the
    dialect of each there. `foreign` are headers of the client that the provider does not get."""

    @property
    def dialects(self) -> Mapping[str, Dialect]: ...

    @property
    def foreign(self) -> tuple[str, ...]: ...

    def path(self, api: str, model: str, *, stream: bool) -> str:
        """Returns the path, which may have a query. Raises ValueError for a model that would change it."""
        ...

    def write(self, api: str, body: Json, context: str | None) -> Json:
        """Returns the body of a request. Raises ValueError, which names a field that cannot be used."""
        ...

    def read(self, api: str, answer: Json, model: str) -> Json:
        """Returns a plain answer in OpenAI's format. Raises ValueError if it is no such answer."""
        ...

    def reader(self, model: str) -> Decoder:
        """Returns what reads a stream."""
        ...


def format_of(config: ProviderConfig, row: Provider, env: Env) -> Format | None:
    """Returns None for a provider that gets requests in OpenAI's formats."""
    if apis.CHAT in row.paths or config.protocol != "openai":
        return None
    if apis.GENERATE_CONTENT in row.paths:
        return GeminiFormat(config, env)
    return AnthropicFormat(config, env) if apis.MESSAGES in row.paths else None


def takes(own: Format | None, api: str | None) -> Format | None:
    """Returns the provider's own format if requests of this API are brought into it."""
    return own if own is not None and api is not None and api in own.dialects else None


class AnthropicFormat:
    dialects: Mapping[str, Dialect] = {apis.CHAT: dialect_of(apis.MESSAGES)}

    def __init__(self, config: ProviderConfig, env: Env) -> None:
        self._claude_code = config.claude_code_mode
        self._env = env
        self.foreign = ("x-api-key",) if config.claude_code_mode else ()

    def path(self, api: str, model: str, *, stream: bool) -> str:
        return apis.PATHS[apis.MESSAGES]

    def write(self, api: str, body: Json, context: str | None) -> Json:
        return anthropic_request.write_request(body, claude_code=self._claude_code, context=context)

    def read(self, api: str, answer: Json, model: str) -> Json:
        return anthropic_answer.chat_of(answer, model=model, created=int(self._env.clock.time()))

    def reader(self, model: str) -> Decoder:
        return anthropic_answer.ChatStream(model=model, created=int(self._env.clock.time()))


_VERBS = {
    apis.CHAT: "generateContent", apis.EMBEDDINGS: "batchEmbedContents", apis.IMAGE_GENERATION: "predict",
}  # fmt: skip


class GeminiFormat:
    dialects: Mapping[str, Dialect] = {
        apis.CHAT: dialect_of(apis.GENERATE_CONTENT),
        apis.EMBEDDINGS: dialect_of(apis.BATCH_EMBED_CONTENTS),
        apis.IMAGE_GENERATION: dialect_of(""),
    }
    foreign: tuple[str, ...] = ()

    def __init__(self, config: ProviderConfig, env: Env) -> None:
        self._config = config
        self._env = env

    def _new_id(self) -> str:
        return str(UUID(self._env.new_id(), version=4))

    def path(self, api: str, model: str, *, stream: bool) -> str:
        if {".", ".."} & set(model.replace("\\", "/").split("/")):
            raise ValueError(f"the model {model!r} cannot be a part of a path")
        verb = "streamGenerateContent?alt=sse" if stream and api == apis.CHAT else _VERBS[api]
        return f"/{self._config.api_version or 'v1beta'}/models/{quote(model)}:{verb}"

    def write(self, api: str, body: Json, context: str | None) -> Json:
        if api == apis.EMBEDDINGS:
            return gemini_request.write_embeddings(body)
        if api == apis.IMAGE_GENERATION:
            return gemini_request.write_images(body)
        safety, budget = self._config.gemini_safety_setting, self._config.gemini_thinking_budget
        return gemini_request.write_chat(body, safety=safety, budget=budget, context=context)

    def read(self, api: str, answer: Json, model: str) -> Json:
        created = int(self._env.clock.time())
        if api == apis.EMBEDDINGS:
            return gemini_answer.embeddings_of(answer, model=model)
        if api == apis.IMAGE_GENERATION:
            return gemini_answer.images_of(answer, created=created)
        return gemini_answer.chat_of(answer, model=model, created=created, new_id=self._new_id)

    def reader(self, model: str) -> Decoder:
        created = int(self._env.clock.time())
        return gemini_answer.ChatStream(model=model, created=created, new_id=self._new_id)
