"""Which models clients can ask for, by provider, according to a configuration: the names in it, and which other names
reach a provider.

Rule: a name is listed at each provider that may answer it. Which further models a provider has is not known here;
`Offer.takes` says whether a model would be requested from it by its own name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from aigw.config.load import Loaded
from aigw.plugins.ai_proxy import Config as AiProxyConfig
from aigw.plugins.model_mapper import Config as ModelMapperConfig
from aigw.providers.config import ProviderConfig
from aigw.providers.environment import ENV_PROVIDERS
from aigw.providers.mapping import ModelMapping, is_pattern
from aigw.providers.suggestions import BUILTIN, is_own, lacks_key
from aigw.providers.well_known import WELL_KNOWN
from aigw.rag.embedders.packages import installed
from aigw.upstream.builtin.engine import MODELS, PREFIX

_OFTEN = {row.type: row.models for row in ENV_PROVIDERS}
"""How the names of each vendor's own models begin. The price list has models of other makers, too."""


class Offer:
    """A provider. `patterns` are the keys of `byModel` that lead to it. `role` says when it is asked beside that.
    `named` are the models in the configuration, each with the names by which clients may ask for it, too."""

    def __init__(self, config: AiProxyConfig, provider: ProviderConfig) -> None:
        self.provider = provider
        self.name = provider.id or provider.type
        self.type = provider.type
        self.lacks_key = lacks_key(provider)
        self.is_own = is_own(provider)
        self.patterns = [pattern for pattern, name in config.by_model.items() if name == provider.id]
        self._by_model = ModelMapping(config.by_model)
        self._ids = {each.id for each in config.active()}
        self._mapping = ModelMapping(provider.model_mapping)
        self._is_default = config.active()[0] is provider
        self._is_spare = provider.id in config.fallback
        self._chooses = bool(config.by_model)
        self._share = 0 if self._chooses else config.weights.get(provider.id, 0)
        self.role = self._role(sum(config.weights.values()))
        self.named = self._named()

    def reaches(self, model: str) -> bool:
        """Whether a request for this model may come here."""
        if self._is_spare or self._share:
            return True
        chosen = self._by_model.map(model) if self._chooses else ""
        return chosen == self.provider.id if chosen in self._ids else self._is_default

    def takes(self, model: str) -> bool:
        """Whether clients get this model of the provider by its own name."""
        return self.reaches(model) and self._mapping.map(model) == model

    def mapped(self, model: str) -> str:
        """The model of the provider for this name."""
        return self._mapping.map(model)

    def is_likely(self, model: str) -> bool:
        """Whether a name looks like one of the vendor's own models."""
        return not self.is_own and model.startswith(_OFTEN.get(self.type, ""))

    def _role(self, shares: int) -> str:
        if self._share:
            return f"{self._share} of {shares} requests"
        return "default" if self._is_default else "fallback" if self._is_spare else ""

    def _named(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for alias, target in self.provider.model_mapping.items():
            if target and "$" not in target and (is_pattern(alias) or self.reaches(alias)):
                found.setdefault(target, []).append(alias)
        for name in self.patterns:
            if not is_pattern(name):
                aliases = found.setdefault(self.mapped(name), [])
                aliases += [name] if self.mapped(name) != name and name not in aliases else []
        return found | {name: found.get(name, []) for name in self._usual() if self.takes(name)}

    def _usual(self) -> list[str]:
        """Models that it has, whatever the configuration says."""
        if self.type == BUILTIN:
            return [*MODELS, *(PREFIX + name for name in installed())]
        well_known = "" if self.is_own else WELL_KNOWN.get(self.type, "")
        return [well_known] if well_known else []


def offers(loaded: Loaded) -> list[Offer]:
    """Returns the offers of all providers that requests can reach, each once."""
    plugin = loaded.plugins.get("ai-proxy")
    configs = [config for config in plugin.rules.configs if isinstance(config, AiProxyConfig)] if plugin else []
    found: dict[tuple[str, str], Offer] = {}
    for config in configs:
        for provider in config.active():
            found.setdefault((provider.id, provider.type), Offer(config, provider))
    _rename(list(found.values()), _mapped_before(loaded))
    return list(found.values())


def _mapped_before(loaded: Loaded) -> list[Mapping[str, str]]:
    """Returns the mappings of model-mapper, which change names before a provider is chosen."""
    plugin = loaded.plugins.get("model-mapper")
    configs = [config for config in plugin.rules.configs if isinstance(config, ModelMapperConfig)] if plugin else []
    return [config.model_mapping for config in configs if isinstance(config.model_mapping, dict)]


def _rename(found: Sequence[Offer], mappings: Sequence[Mapping[str, str]]) -> None:
    for mapping in mappings:
        for alias, target in mapping.items():
            for offer in found:
                if target and offer.reaches(target):
                    aliases = offer.named.setdefault(offer.mapped(target), [])
                    aliases += [name for name in (alias,) if name not in aliases]
