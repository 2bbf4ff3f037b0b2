"""Finds the mistakes in the configuration of one provider. The messages are Higress's, if it has one.

Rule: all are found at once, also those beside a type that is missing or does not exist."""

from __future__ import annotations

import re
from collections.abc import Callable
from difflib import get_close_matches
from functools import partial

import msgspec

from aigw.core.authority import origin_of
from aigw.core.json_path import JsonPath
from aigw.core.plugin import Problem
from aigw.dialects import apis
from aigw.providers.api_tokens import StatusMatcher
from aigw.providers.catalog import CATALOG
from aigw.providers.config import REASONING_MODES, ProviderConfig
from aigw.providers.context import parse_file_url
from aigw.providers.custom_settings import CustomSettings, has_effect
from aigw.providers.endpoint import locate
from aigw.providers.google import signer_of
from aigw.providers.lookup import lookup
from aigw.providers.mapping import ModelMapping
from aigw.providers.provider import Config, Provider, split_domain
from aigw.translation.converse.cache_points import lifetime_of, positions_of

_NEVER_READ = ("apiKeyAffinity", "authHeaderKey")
_UNSENDABLE = re.compile(r"[\x00-\x1f\x7f]")

_ADDRESSES = {
    key: type_ for type_, row in CATALOG.items() for key in (row.url_field, row.host_field, row.port_field) if key
}
"""Keys with the address of a provider, and the type that reads them."""


def mistakes_of(provider: ProviderConfig, at: JsonPath) -> list[Problem]:
    """`at` is the place of the provider in the configuration."""
    return [*_of_type(provider, at), *_of_keys(provider, at), *_of_entries(provider, at)]


def failing(path: JsonPath, make: Callable[[], object]) -> list[Problem]:
    try:
        make()
    except ValueError as error:
        return [Problem(path, str(error))]
    return []


def _of_type(provider: ProviderConfig, at: JsonPath) -> list[Problem]:
    """Checks what the type of the provider needs. If nobody knows the type, all that is an address of some type."""
    keys = msgspec.to_builtins(provider)
    try:
        row = lookup(provider.type)
    except ValueError as error:
        wrong = [problem for row in CATALOG.values() for problem in _of_address(row, keys, at)]
        return [Problem((*at, "type"), str(error)), *wrong]
    problems = [Problem((*at, key), message) for key, message in row.problems(keys)]
    problems += [problem for problem in _of_address(row, keys, at) if problem not in problems]
    if row.takes_account and provider.vertex_auth_key:
        problems += failing((*at, "vertexAuthKey"), partial(signer_of, provider.vertex_auth_key))
    if row.own_paths and not row.paths and not provider.capabilities:
        message = f"what Higress does for {provider.type} is not reproduced exactly: leave out `fidelity: higress`"
        problems.append(Problem((*at, "type"), message, higress_only=True))
    ignored = [key for key in (*row.ignores, *_NEVER_READ) if keys.get(key)]
    problems += [Problem((*at, key), "is not used by this version", note=True) for key in ignored]
    problems += _of_other_types(row, keys, at)
    if _is_billed_elsewhere(provider, row) and not provider.api_tokens:
        message = "no apiTokens: requests carry the key that the client sends, or none"
        problems.append(Problem(at, message, note=True))
    return problems


def _of_other_types(row: Provider, keys: Config, at: JsonPath) -> list[Problem]:
    """Notes the addresses that only another type of provider reads: requests go elsewhere than they say."""
    own = (row.url_field, row.host_field, row.port_field)
    return [
        Problem((*at, key), f"is read of {type_} only; write type: {type_}, or providerDomain: HOST", note=True)
        for key, type_ in _ADDRESSES.items()
        if keys.get(key) and key not in own
    ]


def _of_address(row: Provider, keys: Config, at: JsonPath) -> list[Problem]:
    """Checks the host and the URL of a type, by locating them as for a request."""
    problems: list[Problem] = []
    if keys.get(row.url_field):
        found = row.problems(keys)
        problems += [Problem((*at, key), message) for key, message in found if key == row.url_field]
    if keys.get(row.host_field):
        given = {row.host_field: keys[row.host_field]}
        if row.port_field:
            given[row.port_field] = keys.get(row.port_field) or 80
        problems += failing((*at, row.host_field), partial(locate, row, given))
    return problems


def _of_keys(provider: ProviderConfig, at: JsonPath) -> list[Problem]:
    """Checks the keys that all types have."""
    problems = [
        Problem((*at, "apiTokens", index), "has a line break or a control character in it", quirk=True)
        for index, token in enumerate(provider.api_tokens)
        if _UNSENDABLE.search(token)
    ]
    if provider.protocol not in ("openai", "original"):
        message = f"invalid protocol in config: '{provider.protocol}'; use openai or original"
        problems.append(Problem((*at, "protocol"), message))
    failover = provider.failover
    if failover.enabled and not (failover.health_check_model or failover.cooldown_duration):
        message = "either healthCheckModel or cooldownDuration must be configured in failover config"
        problems.append(Problem((*at, "failover"), message))
    named = (("basePath", provider.base_path), ("providerBasePath", provider.provider_base_path))
    paths = [*named, *provider.capabilities.items()]
    problems += [
        Problem((*at, *(() if key in dict(named) else ("capabilities",)), key), "must begin with /", quirk=True)
        for key, path in paths
        if path and not path.startswith("/")
    ]
    if provider.provider_domain:
        scheme, domain = split_domain(provider.provider_domain, "https")
        problems += failing((*at, "providerDomain"), partial(origin_of, scheme, domain))
    problems += failing((*at, "promptCacheRetention"), partial(lifetime_of, provider.prompt_cache_retention))
    positions = provider.bedrock_prompt_cache_point_positions
    problems += failing((*at, "bedrockPromptCachePointPositions"), partial(positions_of, positions))
    if provider.context:
        problems += failing((*at, "context", "fileUrl"), partial(parse_file_url, provider.context.file_url))
    return [*problems, *_of_no_effect(provider, at)]


def _of_no_effect(provider: ProviderConfig, at: JsonPath) -> list[Problem]:
    """Finds what Higress ignores without a word. A setting for the protocol of another vendor, as its documentation has
    some, is no mistake."""
    problems = [
        Problem(
            (*at, "capabilities", name), f"is no name of an API, so that nothing goes there{_meant(name)}", quirk=True
        )
        for name in provider.capabilities
        if name not in apis.NAMES
    ]
    if provider.reasoning_content_mode not in REASONING_MODES:
        message = f"must be one of {', '.join(REASONING_MODES)}"
        problems.append(Problem((*at, "reasoningContentMode"), message, quirk=True))
    if provider.custom_settings and provider.protocol == "original":
        message = "have no effect with protocol original, which leaves the body as it is"
        return [*problems, Problem((*at, "customSettings"), message, note=True)]
    message = "has no effect in mode auto; write mode: raw to send a field of this name"
    return problems + [
        Problem((*at, "customSettings", index, "name"), f"'{setting.name}' {message}", note=True)
        for index, setting in enumerate(provider.custom_settings)
        if not has_effect(setting)
    ]


def _meant(name: str) -> str:
    close = get_close_matches(name, apis.NAMES, 1)
    return f"; did you mean '{close[0]}'?" if close else ""


def _of_entries(provider: ProviderConfig, at: JsonPath) -> list[Problem]:
    """Checks each entry of the lists and mappings by itself."""
    made: list[tuple[str, Callable[[], object]]] = [
        *(("modelMapping", partial(ModelMapping, {key: to})) for key, to in provider.model_mapping.items()),
        *(("customSettings", partial(CustomSettings, [setting])) for setting in provider.custom_settings),
        *(("failover", partial(StatusMatcher, [status])) for status in provider.failover.failover_on_status),
        *(("retryOnFailure", partial(StatusMatcher, [status])) for status in provider.retry_on_failure.retry_on_status),
    ]
    return [problem for key, make in made for problem in failing((*at, key), make)]


def _is_billed_elsewhere(provider: ProviderConfig, row: Provider) -> bool:
    """Whether the vendor's own server is used, which needs a key, although this type of provider does not require one
    in the configuration."""
    moved = provider.provider_domain or msgspec.to_builtins(provider).get(row.url_field)
    return row.keeps_client_auth and row.scheme == "https" and bool(row.host) and not moved
