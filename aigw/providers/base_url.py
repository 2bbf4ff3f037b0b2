"""The base URLs of vendors in the environment (OPENAI_BASE_URL, ...), as their SDKs read them.

Rule: a key belongs to the host that stands beside it. If the URL cannot be used, the key is not used either, because
the vendor's public host must not get the key of a company's own. A URL without a key is used where it leads to this
machine or a private network: such servers (vLLM, LM Studio, Ollama) seldom want one. A URL that is this gateway's is
that of its clients and does not count."""

from __future__ import annotations

import socket
from collections.abc import Mapping
from typing import Any
from urllib.parse import SplitResult

from aigw.core.authority import DEFAULT_PORTS, is_private, origin_of
from aigw.core.secrets import without_blanks
from aigw.dialects import apis
from aigw.providers.environment import EnvProvider
from aigw.providers.lookup import lookup
from aigw.providers.provider import parse_url

SUFFIXES = ("_BASE_URL", "_API_BASE", "_API_BASE_URL", "_HTTP_BASE_URL", "_API_URL")
"""What takes the place of `_API_KEY` in the names of variables. The first that is set counts."""
OTHER_NAMES = {"GEMINI_API_KEY": ("GOOGLE_GEMINI_BASE_URL",), "TOGETHER_API_KEY": ("TOGETHERAI_API_BASE",)}
ENDINGS = {"gemini": ("/v1beta", "/v1"), "qwen": ("/api/v1",)}
"""Further ends of base URLs that stand for the vendor's own paths, beside that of its chats."""
BEFORE_VERSION = frozenset(("claude", "gemini", "groq", "mistral"))
"""The types whose SDKs add the version themselves, so that a base URL ends before it."""
ANY_KEY = "unused"
"""What is sent as a key where none is set."""
_CHAT = "/chat/completions"
_HERE = frozenset(("localhost", "127.0.0.1", "::1", "0.0.0.0", "::"))  # noqa: S104  addresses to compare with


def variable_of(row: EnvProvider, env: Mapping[str, str]) -> str:
    """Returns the name of the variable with the base URL of this provider, "" if there is none."""
    stem = row.variable.removesuffix("_API_KEY")
    names = (*OTHER_NAMES.get(row.variable, ()), *(stem + suffix for suffix in SUFFIXES))
    return next((name for name in names if without_blanks(env.get(name, ""))), "")


def reached(row: EnvProvider, env: Mapping[str, str], here: tuple[str, int]) -> dict[str, Any]:
    """Returns the keys of a provider's configuration by which the environment reaches this vendor, none if it has
    neither a key nor a base URL of the vendor's. `here` is this gateway. Raises ValueError, which names the variable
    that is not used, and why."""
    has_key = bool(without_blanks(env.get(row.variable, "")))
    try:
        moved = keys_for(row, env, here)
    except ValueError as error:
        variable = variable_of(row, env)
        why = str(error) if has_key else str(error).replace(variable, "it", 1)
        raise ValueError(f"{row.variable if has_key else variable} is not used: {why}") from None
    if has_key:
        return {"apiTokens": [f"${{{row.variable}}}"], **moved}
    if not moved:
        return {}
    if not _needs_no_key(without_blanks(env[variable_of(row, env)])):
        what = f"{variable_of(row, env)} is not used: {row.variable} is not set"
        raise ValueError(f"{what}; any text will do where no key is needed")
    return {"apiTokens": [ANY_KEY], **moved}


def _needs_no_key(url: str) -> bool:
    return is_private(parse_url(url).hostname or "")


def keys_for(row: EnvProvider, env: Mapping[str, str], here: tuple[str, int]) -> dict[str, Any]:
    """Returns the keys of a provider's configuration that stand for its base URL, none if there is no URL or it is that
    of this gateway, which is `here`. Raises ValueError if the URL cannot be used."""
    variable = variable_of(row, env)
    if not variable:
        return {}
    given = without_blanks(env[variable])
    try:
        url = parse_url(given)
        if url.scheme not in DEFAULT_PORTS or not url.hostname:
            raise ValueError
        origin_of(url.scheme, url.netloc.rpartition("@")[2])
    except ValueError:
        raise ValueError(f"{variable} is not a URL such as https://llm.example.com/v1") from None
    if _is_here(url, here):
        return {}
    return {"openaiCustomUrl": given} if row.type == "openai" else _moved(row.type, url)


def _is_here(url: SplitResult, here: tuple[str, int]) -> bool:
    host, port = here
    names = {*_HERE, host.lower(), socket.gethostname().lower()}
    return (url.port or DEFAULT_PORTS[url.scheme]) == port and (url.hostname or "").lower() in names


def _moved(type_: str, url: SplitResult) -> dict[str, Any]:
    """Returns the keys of a type that has no key for a URL."""
    row = lookup(type_)
    paths = {**row.paths, **row.own_paths}
    version = paths[apis.CHAT].removesuffix(_CHAT)
    authority = url.netloc.rpartition("@")[2]
    keys: dict[str, Any] = {"providerDomain": authority if url.scheme == "https" else f"{url.scheme}://{authority}"}
    path = url.path.rstrip("/")
    ending = next((each for each in (version, *ENDINGS.get(type_, ())) if each and path.endswith(each)), "")
    if ending or not path or type_ in BEFORE_VERSION:
        base = path.removesuffix(ending)
        return {**keys, "providerBasePath": base} if base else keys
    moved = {api: path + own.removeprefix(version) for api, own in paths.items() if own.startswith(version)}
    return {**keys, "capabilities": moved}
