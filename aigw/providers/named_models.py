"""The models to which the configuration gives a name. Clients may ask for them, and no provider lists them.

Rule: a name is listed if a request for it reaches the provider that maps it. Patterns are not listed."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from aigw.dialects.model_list import Shape, encode, encode_one, entries_of, has_more
from aigw.dialects.openai_models import model_entry
from aigw.providers.bound import BoundProvider
from aigw.providers.mapping import is_pattern


class NamedModels:
    """The models that a configuration names. `answers`: whether a request for a model goes to a provider. `by_model`
    are names that choose a provider."""

    def __init__(
        self, providers: Iterable[BoundProvider], by_model: Iterable[str], answers: Callable[[BoundProvider, str], bool]
    ) -> None:
        named = [
            (name, provider)
            for provider in providers
            for name in (*provider.config.model_mapping, *by_model)
            if name and not is_pattern(name) and answers(provider, name)
        ]
        self._entries = {name: model_entry(name, 0, provider.row.type) for name, provider in named}
        self._providers = {name: provider.name for name, provider in named}
        self._mapped = frozenset(name for name, provider in named if provider.mapped(name) != name)

    def __bool__(self) -> bool:
        return bool(self._entries)

    def entries(self, providers: Iterable[BoundProvider]) -> dict[str, dict[str, Any]]:
        """Returns the named models of these providers by their names, as entries of OpenAI's list."""
        known = {provider.name for provider in providers}
        return {name: entry for name, entry in self._entries.items() if self._providers[name] in known}

    def beside(self, body: Any, shape: Shape) -> bytes | None:
        """Returns a provider's list with these models before its own. None if they are in it already, or if another
        part of the list follows, because they are added to the last part."""
        listed = entries_of(body)
        if listed is None or has_more(body):
            return None
        known = {each["id"] for each in listed}
        more = [entry for name, entry in self._entries.items() if name not in known]
        return encode([*more, *listed], shape) if more else None

    def one(self, name: str, shape: Shape) -> bytes | None:
        """Returns the entry of a named model, which its provider does not know. None for any other name."""
        return encode_one(self._entries[name], shape) if name in self._mapped else None
