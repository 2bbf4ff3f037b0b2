"""What a start without a configuration file uses: the providers whose keys are in the environment, a running Ollama,
and the models that need no network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from aigw.config.services import parse_listen
from aigw.providers.base_url import ANY_KEY, reached, variable_of
from aigw.providers.environment import ENV_PROVIDERS, EnvProvider
from aigw.upstream.builtin.engine import MODELS, PREFIX

BUILTIN = "builtin"
OLLAMA = "ollama"
LISTEN = "127.0.0.1:4700"
"""Where the gateway listens by default."""


def automatic(
    env: Mapping[str, str], ollama: tuple[str, int] | None, ollama_models: Sequence[str], listen: str = LISTEN
) -> dict[str, Any]:
    """The plugins and their configurations, which name keys as `${NAME}`. `ollama` is the host and port of a running
    Ollama. `listen` is the address of the gateway. Keys and base URLs that cannot be used are left out."""
    providers: list[dict[str, Any]] = []
    by_model: dict[str, str] = {}
    for row in ENV_PROVIDERS:
        if keys := _reached(row, env, listen):
            providers.append({"id": row.type, "type": row.type, **keys})
            for beginning in row.models:
                by_model.setdefault(f"{beginning}*", row.type)
    if ollama is not None:
        host, port = ollama
        providers.append({"id": OLLAMA, "type": OLLAMA, "ollamaServerHost": host, "ollamaServerPort": port})
        names = (name for model in ollama_models for name in (model, model.removesuffix(":latest")))
        by_model |= dict.fromkeys(names, OLLAMA)  # Ollama's own clients leave ":latest" out
    providers.append({"id": BUILTIN, "type": BUILTIN})
    by_model |= dict.fromkeys((*MODELS, f"{PREFIX}*"), BUILTIN)
    proxy = {"providers": providers, "activeProviderId": providers[0]["id"], "byModel": by_model}
    return {"ai-statistics": {}, "ai-proxy": proxy}


def unused(env: Mapping[str, str], listen: str = LISTEN) -> list[str]:
    """Says which keys and base URLs of the environment are not used, and why."""
    said = []
    for row in ENV_PROVIDERS:
        try:
            reached(row, env, parse_listen(listen))
        except ValueError as error:
            said.append(str(error))
    return said


def keyless(env: Mapping[str, str], listen: str = LISTEN) -> list[str]:
    """Says which base URLs of the environment are used without a key."""
    used = [row for row in ENV_PROVIDERS if _reached(row, env, listen).get("apiTokens") == [ANY_KEY]]
    names = ((row, variable_of(row, env, parse_listen(listen))) for row in used)
    return [f"{name} is used without a key: {row.variable} is not set" for row, name in names]


def _reached(row: EnvProvider, env: Mapping[str, str], listen: str) -> dict[str, Any]:
    try:
        return reached(row, env, parse_listen(listen))
    except ValueError:
        return {}


CHATS = (
    "/chat/completions", "/messages", "/responses", "/completions", ":generateContent", ":streamGenerateContent",
    "/count_tokens", "/input_tokens", ":countTokens",
)  # fmt: skip
"""How paths of chats end, and of what counts their tokens."""


def one_model(model: str) -> dict[str, Any]:
    """The plugin by which every chat asks for `model`, whatever it names, and its configuration."""
    return {"model-mapper": {"modelMapping": {"*": model}, "enableOnPathSuffix": list(CHATS)}}
