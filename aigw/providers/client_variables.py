"""The variables by which programs find this gateway instead of a provider, as SDKs and common tools read them.

Rule: whichever base URL a program reads from the environment, it leads here. Azure's variables are set only if the
environment has some, because OpenAI's SDK refuses to choose between Azure and OpenAI if both are set."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from urllib.parse import urlsplit

from aigw.providers.base_url import ANY_KEY, BEFORE_VERSION, FULL, variables_of
from aigw.providers.environment import ENV_PROVIDERS, EnvProvider

URL = "AIGW_URL"
"""The variable with the address of the gateway, without /v1."""
MOST_USED = ("openai", "claude", "gemini")
"""The vendors whose keys are always set, because their SDKs refuse to begin without one."""
_FURTHER = {
    "openai": ("OPENAI_API_BASE",),
    "claude": ("ANTHROPIC_API_BASE", "ANTHROPIC_API_URL"),
    "gemini": ("GOOGLE_GEMINI_BASE_URL", "GEMINI_API_BASE"),
}
"""Names beside `..._BASE_URL` that SDKs and frameworks read, by the type of provider."""
_AZURE_ENDPOINTS = ("AZURE_OPENAI_ENDPOINT", "AZURE_API_BASE")
_AZURE_KEYS = ("AZURE_OPENAI_API_KEY", "AZURE_OPENAI_AD_TOKEN", "AZURE_API_KEY")
_INSTEAD = {"claude": ("ANTHROPIC_AUTH_TOKEN",), "gemini": ("GOOGLE_API_KEY",), "openai": _AZURE_KEYS}
"""Variables that stand for a key; SDKs complain about two."""
_OWN_TOKEN = ("ANTHROPIC_AUTH_TOKEN", *_AZURE_KEYS)
"""Keys that have no use but this, beside those of the providers."""
_DIRECT = ("127.0.0.1", "localhost")


def client_variables(
    url: str, env: Mapping[str, str], *, vendors: Collection[str] = MOST_USED, hides_keys: bool = False
) -> dict[str, str]:
    """Returns what to add to `env` for a program. `url` is the address of the gateway, without /v1. `vendors` are the
    types of providers whose keys are set to any text if they are missing. With `hides_keys` real ones are replaced,
    too."""
    return {
        **_addresses(url, env),
        **_keys(env, vendors),
        **(_hidden(env) if hides_keys else {}),
        **_direct(url, env),
        URL: url,
    }


def _addresses(url: str, env: Mapping[str, str]) -> dict[str, str]:
    found = {}
    for row in ENV_PROVIDERS:
        for name in _names(row, env):
            bare = row.type in BEFORE_VERSION or name.endswith("_HOST")
            found[name] = (url if bare else f"{url}/v1") + _ending(env.get(name, ""))
    if _uses_azure(env):
        found |= {name: url for name in _AZURE_ENDPOINTS if name in env or name == _AZURE_ENDPOINTS[0]}
    return found


def _names(row: EnvProvider, env: Mapping[str, str]) -> Iterator[str]:
    """Yields the usual names of a provider's base URL, and those that are set."""
    yield row.variable.removesuffix("_API_KEY") + "_BASE_URL"
    yield from _FURTHER.get(row.type, ())
    yield from (name for name in variables_of(row) if env.get(name))


def _ending(given: str) -> str:
    """Returns what some tools write behind a base URL."""
    return next((each for each in FULL if given.rstrip("/").endswith(each)), "")


def _uses_azure(env: Mapping[str, str]) -> bool:
    return any(env.get(name) for name in (*_AZURE_ENDPOINTS, *_AZURE_KEYS))


def _keys(env: Mapping[str, str], vendors: Collection[str]) -> dict[str, str]:
    keys = {}
    for row in ENV_PROVIDERS:
        if row.type in vendors and not any(env.get(name) for name in (row.variable, *_INSTEAD.get(row.type, ()))):
            keys[row.variable] = ANY_KEY
    if _uses_azure(env) and not any(env.get(name) for name in _AZURE_KEYS):
        keys = {name: key for name, key in keys.items() if name != "OPENAI_API_KEY"}
        keys[_AZURE_KEYS[0]] = ANY_KEY
    return keys


def _hidden(env: Mapping[str, str]) -> dict[str, str]:
    names = (*(row.variable for row in ENV_PROVIDERS), *_OWN_TOKEN)
    return {name: ANY_KEY for name in names if env.get(name)}


def _direct(url: str, env: Mapping[str, str]) -> dict[str, str]:
    """Returns the variables by which no proxy stands between a program and the gateway."""
    given = env.get("no_proxy") or env.get("NO_PROXY") or ""
    listed = [each.strip() for each in given.split(",") if each.strip()]
    hosts = dict.fromkeys([*listed, urlsplit(url).hostname or "", *_DIRECT])
    said = ",".join(host for host in hosts if host)
    return {"NO_PROXY": said, "no_proxy": said}
