"""How a gateway starts: with a configuration file, or with the providers that it finds on the machine."""

from __future__ import annotations

import os
import re
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import msgspec
from multidict import CIMultiDict

from aigw.clients.callout import CalloutError, fetch_json
from aigw.config.automatic import LISTEN, automatic, keyless, one_model, unused
from aigw.config.load import NO_FILE, Loaded, load
from aigw.config.plugins import LoadedPlugin
from aigw.config.source import VALUE_OF
from aigw.core.model import Origin, Request, Target, Timeouts
from aigw.core.upstream import Upstream
from aigw.dialects.openai_models import ModelList
from aigw.higress.places import sort
from aigw.providers.ollama import ollama_address
from aigw.server.first_call import described, first_call

FROM_ENVIRONMENT = "none: from the environment (`aigw init` writes a file)"
PROBE_SECONDS = 0.2
"""An Ollama on this machine answers within milliseconds, so the start waits no longer for one."""


class Overrides(NamedTuple):
    """The options of `aigw serve` that replace values of the configuration. `port` replaces the port of the configured
    address."""

    listen: str | None = None
    port: int | None = None
    model: str = ""

    @property
    def address(self) -> str | None:
        """The address, if it is not the configured one."""
        return self.listen or (f"127.0.0.1:{self.port}" if self.port is not None else None)


AS_CONFIGURED = Overrides()
"""No option says anything else than the configuration."""


async def load_or_discover(
    path: Path | None, env: Mapping[str, str], upstream: Upstream, given: Overrides
) -> tuple[Loaded, str]:
    """The configuration and where it came from. Raises ConfigError with all findings."""
    if path is not None:
        return load_file(path, env, given), os.fspath(path)
    found = await discover(env, upstream, given.address)
    return load_found(found, env, given, notes_on(env, given.address)), FROM_ENVIRONMENT


def load_file(path: Path, env: Mapping[str, str], given: Overrides) -> Loaded:
    """Loads the configuration of a file, changed by `given`. Raises ConfigError with all findings."""
    return _changed(load(path, env), given)


def load_found(
    text: str, env: Mapping[str, str], given: Overrides, notes: Sequence[str] = (), *, name: str = NO_FILE
) -> Loaded:
    """A configuration that does not come from a file of the user: `discover` wrote it, or it is the recipe that `name`
    names. `notes` are about the environment. Raises ConfigError with all findings."""
    loaded = _changed(load(None, env, text=text.encode(), name=name), given)
    place = re.compile(rf"{re.escape(name)}:\d+ \S+: (?={VALUE_OF})")  # of a variable: no user has written it there
    return replace(loaded, notes=[*(place.sub("", each) for each in loaded.notes), *notes])


def notes_on(env: Mapping[str, str], listen: str | None = None) -> list[str]:
    """Says which variables of the environment are not used because something is wrong or missing, and which are used
    although their key is missing. `listen` is the address of the gateway, if it is not the usual one."""
    return [*wrong(env, listen), *keyless(env, listen or LISTEN)]


def wrong(env: Mapping[str, str], listen: str | None = None) -> list[str]:
    """Says what of the environment is not used, because something in it is wrong or missing."""
    return [*_ollama_address(env)[1], *unused(env, listen or LISTEN)]


def _changed(loaded: Loaded, given: Overrides) -> Loaded:
    listen = given.listen or loaded.config.listen
    if given.port is not None:
        listen = f"{listen.rpartition(':')[0] or '127.0.0.1'}:{given.port}"
    loaded = replace(loaded, config=msgspec.structs.replace(loaded.config, listen=listen))
    return _with_model(loaded, given.model) if given.model else loaded


def _with_model(loaded: Loaded, model: str) -> Loaded:
    """Every chat asks for this model, whatever it names. What the file says about that no longer counts."""
    return with_plugins(loaded, load(None, {}, text=msgspec.json.encode({"plugins": one_model(model)})).plugins)


def with_plugins(loaded: Loaded, extra: Mapping[str, LoadedPlugin]) -> Loaded:
    """The configuration with these plugins, in the place of those with the same names. If it says the order itself,
    they come before all others."""
    plugins = {**loaded.plugins, **extra}
    order = sort({name: plugin.about.place for name, plugin in plugins.items()})
    if loaded.config.order is not None:
        order = [*extra, *(name for name in loaded.plugins if name not in extra)]
    return replace(loaded, plugins={name: plugins[name] for name in order})


async def discover(env: Mapping[str, str], upstream: Upstream, listen: str | None) -> str:
    """Writes a configuration with the providers that it finds. It names keys as `${NAME}`. `listen` is the address of
    the gateway, if it is not the usual one."""
    address, _ = _ollama_address(env)
    models = await ollama_models(address, upstream)
    plugins = automatic(env, address if models is not None else None, models or (), listen or LISTEN)
    return msgspec.json.encode({"plugins": plugins}).decode()


def _ollama_address(env: Mapping[str, str]) -> tuple[tuple[str, int], list[str]]:
    """Returns the address of Ollama, and what is wrong with the address in the environment."""
    try:
        return ollama_address(env), []
    except ValueError:
        return ollama_address({}), ["OLLAMA_HOST is ignored: it is not a host, host:port or URL"]


async def ollama_models(address: tuple[str, int], upstream: Upstream) -> list[str] | None:
    """The models of a running Ollama, or None if no Ollama runs."""
    host, port = address
    target = Target(Origin("http", host, port), f"{host}:{port}", Timeouts(PROBE_SECONDS, PROBE_SECONDS, PROBE_SECONDS))
    request = Request("GET", "/v1/models", "", CIMultiDict())
    try:
        models = await fetch_json(upstream, request, target, PROBE_SECONDS, ModelList)
    except CalloutError:
        return None
    found = models.by_id()
    return list(found) if len(found) == len(models.data) else None


def describe(loaded: Loaded, url: str, origin: str, *, workers: int = 1, tries: Sequence[str] = ()) -> str:
    """The lines that a person reads when the gateway is ready. `tries` are commands to try, instead of a call."""
    call = first_call(loaded)
    providers = dict.fromkeys(name for each in described(loaded) for name in each.providers)
    facts = {
        "page": f"{url}/-/" if any(route.upstream for route in loaded.config.routes) else f"{url}/",
        "configuration": origin,
        "providers": ", ".join(providers) or _without(loaded),
        "models": f"{', '.join(call.builtin)}: built in, need no key" if call and call.builtin else "",
        "plugins": ", ".join(loaded.plugins) or "none",
        "state": str(loaded.state_dir),
        "workers": str(workers) if workers > 1 else "",
    }
    lines = [f"aigw serves {url}/v1  (Ctrl-C stops it)"]
    for name, fact in facts.items():
        said = f"  {name:<15}{fact}" if fact else ""
        lines += textwrap.wrap(said, 80, subsequent_indent=" " * 17, break_on_hyphens=False)
    commands = list(tries) or ([call.curl(url)] if call else [])
    notes = [f"  ({note})" for note in call.notes] if call and not tries else []
    return "\n".join([*lines, *([""] if commands else []), *commands, *notes])


def _without(loaded: Loaded) -> str:
    """Says what the gateway can do without a provider."""
    return why_nothing(loaded) if answers_nothing(loaded) else "none: plain HTTP routes only"


def why_nothing(loaded: Loaded) -> str:
    """Says why no request can be answered, and what to write."""
    lacking = next((each.lacking for each in described(loaded) if each.lacking), "")
    remedy = "no route has an upstream: nothing is answered without the plugin ai-proxy (`aigw init` writes it)"
    return f"none: {lacking}" if lacking else f"none, and {remedy}"


def answers_nothing(loaded: Loaded) -> bool:
    """Whether no request can be answered: there is neither a provider nor a route with an upstream."""
    routed = any(route.upstream for route in loaded.config.routes)
    return not routed and not any(each.providers for each in described(loaded))
