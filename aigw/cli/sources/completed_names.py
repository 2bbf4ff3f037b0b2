"""The names that a shell offers: models, providers, budgets and templates of the file, and also the built-in models and
one model of each provider with a key.

Rule: it loads little, because somebody waits with a key pressed; `aigw models` knows more. Patterns are not offered."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from aigw.providers.environment import ENV_PROVIDERS
from aigw.providers.well_known import WELL_KNOWN

BUILT_IN = ("echo", "mock")
TEMPLATES = "ai-prompt-template"


def models_in(values: Mapping[str, Any], env: Mapping[str, str]) -> list[str]:
    """Returns the names of the models in a configuration, in the order of the file. Without plugins in it, returns a
    model of each provider whose key is in the environment, and the built-in ones."""
    found = [name for plugins in _plugins(values) for name in _named(plugins)]
    if not values.get("plugins"):
        found = [WELL_KNOWN[row.type] for row in ENV_PROVIDERS if env.get(row.variable) and row.type in WELL_KNOWN]
        found += BUILT_IN
    return list(dict.fromkeys(name for name in found if name and not _is_pattern(name)))


def has_ollama(values: Mapping[str, Any]) -> bool:
    """Whether requests may go to a running Ollama."""
    providers = [each for plugins in _plugins(values) for each in _providers(_mapping(plugins, "ai-proxy"))]
    return not values.get("plugins") or any(each.get("type") == "ollama" for each in providers)


def providers_in(values: Mapping[str, Any]) -> list[str]:
    """The names by which `aigw models` knows them."""
    found = [provider for plugins in _plugins(values) for provider in _providers(_mapping(plugins, "ai-proxy"))]
    return list(dict.fromkeys(filter(None, (str(each.get("id") or each.get("type") or "") for each in found))))


def budgets_in(values: Mapping[str, Any]) -> list[str]:
    configs = [_mapping(plugins, "ai-budget") for plugins in _plugins(values)]
    configs += [rule for config in configs for rule in _list(config, "_rules_")]
    found = [str(each.get("name", "")) for config in configs for each in _list(config, "budgets")]
    return list(dict.fromkeys(filter(None, found)))


def in_source(values: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yields the names and the fields of the templates in a file that may have mistakes elsewhere."""
    configs = [_mapping(plugins, TEMPLATES) for plugins in _plugins(values)]
    for config in [*configs, *(rule for each in configs for rule in _list(each, "_rules_"))]:
        for each in _list(config, "templates"):
            name, fields = each.get("name"), each.get("template")
            if isinstance(name, str) and isinstance(fields, dict):
                yield name, fields


def _plugins(values: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The plugins of the file and those of its routes."""
    yield _mapping(values, "plugins")
    for route in _list(values, "routes"):
        yield _mapping(route, "plugins")


def _named(plugins: Mapping[str, Any]) -> Iterator[str]:
    mapper, proxy = _mapping(plugins, "model-mapper"), _mapping(plugins, "ai-proxy")
    for config in (mapper, *_list(mapper, "_rules_")):
        yield from map(str, _mapping(config, "modelMapping"))
    for config in (proxy, *_list(proxy, "_rules_")):
        yield from map(str, _mapping(config, "byModel"))
    for provider in _providers(proxy):
        mapping, type_ = _mapping(provider, "modelMapping"), str(provider.get("type", ""))
        yield from map(str, (*mapping, *mapping.values()))
        yield from BUILT_IN if type_ == "builtin" else [WELL_KNOWN.get(type_, "")]


def _providers(proxy: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    for config in (proxy, *_list(proxy, "_rules_")):
        yield from (_mapping(config, "provider"), *_list(config, "providers"))


def _mapping(value: Any, key: str) -> Mapping[str, Any]:
    found = value.get(key) if isinstance(value, dict) else None
    return found if isinstance(found, dict) else {}


def _list(value: Any, key: str) -> list[Any]:
    found = value.get(key) if isinstance(value, dict) else None
    return [each for each in found if isinstance(each, dict)] if isinstance(found, list) else []


def _is_pattern(name: str) -> bool:
    return "*" in name or name.startswith("~") or "$" in name
