"""Suggests models and APIs that a person may try with these providers, and says whether a provider still needs a key.

Rule: what is named here is answered, as far as the configuration can tell without a call."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

import msgspec

from aigw.core.authority import is_private
from aigw.dialects import apis
from aigw.providers.config import ProviderConfig
from aigw.providers.endpoint import Endpoint, locate
from aigw.providers.environment import ENV_PROVIDERS
from aigw.providers.lookup import lookup
from aigw.providers.mapping import ModelMapping
from aigw.providers.provider import parse_url
from aigw.providers.well_known import WELL_KNOWN
from aigw.translation.translation import CLIENTS, PROVIDERS
from aigw.upstream.builtin.engine import MODELS

BUILTIN = "builtin"
TRIED = (apis.CHAT, apis.COMPLETIONS, apis.EMBEDDINGS, apis.RESPONSES, apis.MESSAGES, apis.GENERATE_CONTENT)
"""The APIs for which the gateway says whether a provider answers them."""

_KEYLESS = frozenset((BUILTIN, "ollama", "vllm", "generic"))
_NO_CHAT = re.compile(r"embed|whisper|tts|dall-e|image|rerank|moderation|audio|ocr", re.IGNORECASE)


def models_to_try(providers: Sequence[ProviderConfig], by_model: Mapping[str, str]) -> tuple[list[str], list[str]]:
    """The built-in models that clients reach, and the chat models to try, the best first. `providers` begin with the
    default one; `by_model` names others."""
    if not providers:
        return [], []
    chosen, ids = ModelMapping(by_model), {each.id: each for each in providers}
    reached = {model: ids.get(chosen.map(model), providers[0]) for model in MODELS}
    builtin = [model for model, provider in reached.items() if provider.type == BUILTIN]
    own = [name for name in by_model if "*" not in name and not name.startswith("~") and name not in MODELS]
    named = [*builtin, *_models_of(providers[0]), *own]
    return builtin, list(dict.fromkeys(name for name in named if name and not _NO_CHAT.search(name)))


def apis_to_try(providers: Sequence[ProviderConfig], by_model: Mapping[str, str]) -> dict[str, str]:
    """Each API that a provider answers, with the best model to try it with; "" where nobody knows one. Who speaks it
    comes before those for whom it is translated."""
    if not providers:
        return {}
    chosen, ids = ModelMapping(by_model), {each.id: each for each in providers}
    endpoints = {id(each): locate(lookup(each.type), msgspec.to_builtins(each)) for each in providers}
    names = [*models_to_try(providers, by_model)[1], *(name for each in providers for name in _models_of(each)), ""]
    found: dict[str, str] = {}
    for answers in (_speaks, _translates):
        for name in names:
            endpoint = endpoints[id(ids.get(chosen.map(name), providers[0]))]
            for api in [api for api in TRIED if answers(endpoint, api)]:
                found.setdefault(api, name)
    return found


def _speaks(endpoint: Endpoint, api: str) -> bool:
    return endpoint.offers(api) or not endpoint.paths  # without paths it passes all on


def _translates(endpoint: Endpoint, api: str) -> bool:
    return api in CLIENTS and any(map(endpoint.offers, PROVIDERS))


def _models_of(provider: ProviderConfig) -> Iterator[str]:
    """The names that its `modelMapping` has, in the order in which they say most; then what its vendor is known for."""
    names = [name for name in provider.model_mapping if not name.startswith("~")]
    yield from (name for name in names if not name.endswith("*"))
    yield from (name.rstrip("*-") for name in names if name.endswith("*"))
    yield provider.model_mapping.get("*", "")
    yield "" if is_own(provider) else WELL_KNOWN.get(provider.type, "")


def is_own(provider: ProviderConfig) -> bool:
    """Whether it is a server on this machine or in a private network that speaks like the vendor."""
    moved = provider.provider_domain or msgspec.to_builtins(provider).get(lookup(provider.type).url_field)
    return bool(moved) and is_private(parse_url(moved).hostname or "")


def lacks_key(provider: ProviderConfig) -> bool:
    """Whether clients have to send a key of the provider's themselves. A server of one's own seldom wants one."""
    return not provider.api_tokens and provider.type not in _KEYLESS and not is_own(provider)


def variable_of(type_: str) -> str:
    """The environment variable in which people have a key of this type; "" if there is none that all use."""
    return next((row.variable for row in ENV_PROVIDERS if row.type == type_), "")
