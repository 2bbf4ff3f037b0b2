"""The base URLs of vendors in the environment (OPENAI_BASE_URL, OPENAI_API_HOST, ...), as SDKs and common tools read
them.

Rule: a key belongs to the base URL beside it. If the URL cannot be used, the key is not used either, because the
vendor's public host must not get the key of a company's own server. A URL without a key is used if it leads to this
machine or a private network, because such servers (vLLM, LM Studio, Ollama) seldom need one. A URL that leads to this
gateway is meant for its clients and is ignored."""

from __future__ import annotations

import socket
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import SplitResult

from aigw.core.authority import DEFAULT_PORTS, is_private, origin_of
from aigw.core.secrets import without_blanks
from aigw.dialects import apis
from aigw.providers.environment import EnvProvider
from aigw.providers.lookup import lookup
from aigw.providers.provider import parse_url

SUFFIXES = (
    "_BASE_URL", "_API_BASE", "_API_BASE_URL", "_HTTP_BASE_URL", "_API_URL", "_API_ENDPOINT", "_ENDPOINT",
    "_SERVER_URL", "_PROXY_URL", "_URL", "_BASEURL", "_API_HOST", "_HOST",
)  # fmt: skip
"""The endings that replace `_API_KEY` in the names of variables. The first variable that is set counts."""
NAMES = {
    "DASHSCOPE": ("QWEN", "BAILIAN", "ALIBABA"),
    "ANTHROPIC": ("CLAUDE",),
    "GEMINI": ("GOOGLE_GEMINI", "GOOGLE_GENAI", "GOOGLE_GENERATIVE_AI", "GOOGLE_AI", "GOOGLE"),
    "MOONSHOT": ("KIMI",),
    "MISTRAL": ("MISTRALAI", "MISTRAL_AI"),
    "OPENROUTER": ("OR",),
    "XAI": ("GROK",),
    "TOGETHER": ("TOGETHERAI", "TOGETHER_AI"),
    "FIREWORKS": ("FIREWORKSAI", "FIREWORKS_AI"),
    "ZHIPUAI": ("ZHIPU", "ZAI", "BIGMODEL", "CHATGLM", "GLM"),
    "ARK": ("VOLCENGINE", "DOUBAO", "BYTEDANCE"),
}
"""Further names with which the variables of a vendor begin."""
FULL = ("/chat/completions", "/messages", "/responses")
"""Paths that some tools append to a base URL."""
ENDINGS = {"gemini": ("/v1beta", "/v1", "/v1beta/openai"), "qwen": ("/api/v1",)}
"""Further ends of base URLs that stand for the vendor's own paths, beside that of its chats."""
BEFORE_VERSION = frozenset(("claude", "gemini", "groq", "mistral"))
"""The types whose SDKs add the version themselves, so that a base URL ends before it."""
ANY_KEY = "unused"
"""The text that is sent as a key if none is set."""
_CONVERSATIONS = {apis.CHAT: "/chat/completions", apis.MESSAGES: "/messages"}
"""The APIs for conversations, and the ends of their paths."""
_HERE = frozenset(("localhost", "127.0.0.1", "::1", "0.0.0.0", "::"))  # noqa: S104  addresses to compare with


def variables_of(row: EnvProvider) -> Iterator[str]:
    """Yields the names that a variable with the base URL of this provider may have, the likeliest first."""
    stem = row.variable.removesuffix("_API_KEY")
    for suffix in SUFFIXES:
        yield from (each + suffix for each in (stem, *NAMES.get(stem, ())))


def variable_of(row: EnvProvider, env: Mapping[str, str], here: tuple[str, int]) -> str:
    """Returns the name of the variable with the base URL of this provider, "" if there is none. The URL of this
    gateway, `here`, does not count."""
    return next((name for name in variables_of(row) if (url := _value(env, name)) and not _leads(url, here)), "")


def _value(env: Mapping[str, str], name: str) -> str:
    """Returns a base URL. A host may have no scheme."""
    given = without_blanks(env.get(name, ""))
    return f"https://{given}" if given and name.endswith("_HOST") and "://" not in given else given


def reached(row: EnvProvider, env: Mapping[str, str], here: tuple[str, int]) -> dict[str, Any]:
    """Returns the keys of a provider's configuration that the environment gives for this vendor. Empty if it has
    neither a key nor a base URL of the vendor. `here` is this gateway. Raises ValueError that names the variable that
    is not used, and says why."""
    has_key = bool(without_blanks(env.get(row.variable, "")))
    try:
        moved = keys_for(row, env, here)
        if has_key and not moved:
            _refuse_azures(row, env)
    except ValueError as error:
        variable = variable_of(row, env, here)
        why = str(error) if has_key else str(error).replace(variable, "it", 1)
        raise ValueError(f"{row.variable if has_key else variable} is not used: {why}") from None
    if has_key:
        return {"apiTokens": [f"${{{row.variable}}}"], **moved}
    if not moved:
        return {}
    variable = variable_of(row, env, here)
    if not _needs_no_key(_value(env, variable)):
        what = f"{variable} is not used: {row.variable} is not set"
        raise ValueError(f"{what}; any text will do where no key is needed")
    return {"apiTokens": [ANY_KEY], **moved}


def _refuse_azures(row: EnvProvider, env: Mapping[str, str]) -> None:
    """Raises ValueError if the key probably belongs to an Azure resource. LangChain and the SDK before 1.0 read such a
    key from OPENAI_API_KEY."""
    if row.type != "openai":
        return
    endpoint, key = (without_blanks(env.get(f"AZURE_OPENAI_{name}", "")) for name in ("ENDPOINT", "API_KEY"))
    azures = "AZURE_OPENAI_ENDPOINT" if endpoint and not key else ""
    if not azures and without_blanks(env.get("OPENAI_API_TYPE", "")).lower().startswith("azure"):
        azures = "OPENAI_API_TYPE"
    if azures:
        raise ValueError(f"{azures} says that it is Azure's; OPENAI_BASE_URL=https://api.openai.com/v1 says otherwise")


def _needs_no_key(url: str) -> bool:
    return is_private(parse_url(url).hostname or "")


def keys_for(row: EnvProvider, env: Mapping[str, str], here: tuple[str, int]) -> dict[str, Any]:
    """Returns the keys of a provider's configuration that stand for its base URL. Empty if there is no URL, or if it is
    that of this gateway (`here`). Raises ValueError if the URL cannot be used."""
    variable = variable_of(row, env, here)
    if not variable:
        return {}
    try:
        url = _usable(_value(env, variable))
    except ValueError:
        raise ValueError(f"{variable} is not a URL such as https://llm.example.com/v1") from None
    path = url.path.rstrip("/")
    full = next((each for each in FULL if path.endswith(each)), "")
    if full:
        url = url._replace(path=path.removesuffix(full))
    elif variable.endswith("_HOST") and not path.endswith(_versions(row.type)):
        url = url._replace(path=path + _versions(row.type)[0])  # tools add the version to a host
    return {"openaiCustomUrl": url.geturl()} if row.type == "openai" else _moved(row.type, url)


def _usable(given: str) -> SplitResult:
    url = parse_url(given)
    if url.scheme not in DEFAULT_PORTS or not url.hostname:
        raise ValueError
    origin_of(url.scheme, url.netloc.rpartition("@")[2])
    return url


def _leads(given: str, here: tuple[str, int]) -> bool:
    """Whether a URL leads to this gateway."""
    try:
        url = _usable(given)
    except ValueError:
        return False
    host, port = here
    names = {*_HERE, host.lower(), socket.gethostname().lower()}
    return (url.port or DEFAULT_PORTS[url.scheme]) == port and (url.hostname or "").lower() in names


def _versions(type_: str) -> tuple[str, ...]:
    """Returns the paths below which a vendor has its APIs, first that of its chats."""
    row = lookup(type_)
    first = _version_in({**row.paths, **row.own_paths})
    return tuple(each for each in (first, *ENDINGS.get(type_, ())) if each)


def _version_in(paths: Mapping[str, str]) -> str:
    """Returns what stands before the API for conversations, "" if the type has neither of these."""
    return next((paths[api].removesuffix(end) for api, end in _CONVERSATIONS.items() if api in paths), "")


def _moved(type_: str, url: SplitResult) -> dict[str, Any]:
    """Returns the keys of a type that has no key for a URL."""
    row = lookup(type_)
    paths = {**row.paths, **row.own_paths}
    version = _version_in(paths)
    authority = url.netloc.rpartition("@")[2]
    keys: dict[str, Any] = {"providerDomain": authority if url.scheme == "https" else f"{url.scheme}://{authority}"}
    path = url.path.rstrip("/")
    ending = next((each for each in _versions(type_) if path.endswith(each)), "")
    if ending or not path or type_ in BEFORE_VERSION:
        base = path.removesuffix(ending)
        return {**keys, "providerBasePath": base} if base else keys
    moved = {api: path + own.removeprefix(version) for api, own in paths.items() if own.startswith(version)}
    return {**keys, "capabilities": moved}
