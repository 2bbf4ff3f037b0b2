"""The key that clients show to a gateway, as its configuration and the environment have it."""

from __future__ import annotations

from collections.abc import Mapping

from aigw.config.load import Loaded
from aigw.dialects import apis
from aigw.server.first_call import call_of

KEY_VARIABLE = "AIGW_KEY"


def key_headers(loaded: Loaded, env: Mapping[str, str], consumer: str = "") -> dict[str, str]:
    """Returns the header with the key of a client: that in AIGW_KEY, else the key of this consumer, else that in the
    variable which the configuration names. Empty if the gateway needs no key, or if none is known."""
    if not env.get(KEY_VARIABLE) and (own := _key_of(loaded, consumer)):
        return own
    call = call_of(loaded, apis.CHAT)
    if call is None or not call.key.header:
        return {}
    key = env.get(KEY_VARIABLE) or env.get(call.key.variable, "")
    return {call.key.header: call.key.prefix + key} if key else {}


def key_of(loaded: Loaded, env: Mapping[str, str]) -> str:
    """Returns the key of `key_headers` itself, "" if there is none."""
    return next((value.removeprefix("Bearer ") for value in key_headers(loaded, env).values()), "")


def key_places(loaded: Loaded) -> frozenset[str]:
    """The names of the headers in which key-auth looks for a client's key, in lower case; none without key-auth."""
    plugin = loaded.plugins.get("key-auth")
    configs = [config for config in plugin.rules.configs if config is not None] if plugin is not None else []
    return frozenset(
        name.lower() for config in configs for each in config.consumers for name in (each.keys or config.keys)
    )


def _key_of(loaded: Loaded, consumer: str) -> dict[str, str]:
    """Returns the header with the key of a consumer, empty if the configuration has none of this name."""
    plugin = loaded.plugins.get("key-auth")
    for config in plugin.rules.configs if plugin is not None and consumer else ():
        for each in config.consumers if config is not None else ():
            if each.name == consumer and (names := each.keys or config.keys):
                return {names[0]: each.all_credentials()[0]}
    return {}
