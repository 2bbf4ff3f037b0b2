"""Makes the requests of `aigw ask` and `aigw chat`: a conversation, or a template of ai-prompt-template.

Rule: they go where the configuration takes chats, with the headers that its routes want, and name the model that it
names first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from aigw.cli.sources.asked_gateway import AskedGateway
from aigw.cli.sources.gateway_client import models_at
from aigw.cli.sources.offers import offers
from aigw.cli.sources.template_send import reaching
from aigw.cli.sources.templates import TemplateCall, ask, find
from aigw.config.load import Loaded
from aigw.config.model import DEFAULT_ROUTE
from aigw.dialects import apis
from aigw.dialects.chat_request import Said, chat_after
from aigw.providers.suggestions import BUILTIN
from aigw.server.first_call import FirstCall, Key, call_of, call_on, models_to_name

BEARER = Key("authorization", "Bearer ")


def chat_call(gateway: AskedGateway, model: str, said: Sequence[Said], route: str | None) -> TemplateCall:
    """Makes a request that asks `model`, or else the model of the configuration. Raises ValueError if there is none,
    SendError if the gateway does not answer."""
    first = _first(gateway.loaded, route)
    name = model or model_of(gateway, route)
    return TemplateCall("", apis.CHAT, first._replace(model=name), chat_after(name, said))


def model_of(gateway: AskedGateway, route: str | None = None) -> str:
    """Returns the model that is asked by default. Raises the same errors as `chat_call`."""
    if gateway.loaded is not None:
        named = _first(gateway.loaded, route).model or next(iter(models_to_name(gateway.loaded)), "")
        if not named:
            raise ValueError("the configuration names no model; name one with -m")
        return named
    with reaching(gateway.url):
        found = models_at(gateway.url, gateway.key)
    if not found:
        raise ValueError(f"{gateway.url} lists no models; name one with -m")
    return found[0]


def answers_itself(loaded: Loaded | None) -> bool:
    """Whether only the built-in models answer, so that somebody should know it."""
    found = offers(loaded) if loaded is not None else []
    return bool(found) and all(each.type == BUILTIN for each in found)


def template_call(
    gateway: AskedGateway, name: str, given: Mapping[str, Any], said: str, model: str, route: str | None
) -> TemplateCall:
    """A request for a template. What the user `said` is the one property that was not given. Raises ValueError."""
    if gateway.loaded is None:
        raise ValueError(f"{gateway.url} shows no configuration, so that its templates are not known here")
    found = find(gateway.loaded, name, route)
    values = dict(given)
    for each in values:
        if each not in found.template.properties:
            raise ValueError(
                f"the template {name!r} has no property {each!r}; it has {_names(found.template.properties)}"
            )
    if said:
        missing = found.template.missing(values)
        if len(missing) != 1:
            there = _names(missing) if missing else "none is left"
            raise ValueError(f"the text is the one property that -p did not give: {there}")
        values[next(iter(missing))] = said
    return ask(gateway.loaded, found, values, model=model)


def _names(names: Sequence[str]) -> str:
    return ", ".join(names) or "none"


def _first(loaded: Loaded | None, route: str | None) -> FirstCall:
    if loaded is None:
        if route is not None:
            raise ValueError("--route needs a gateway that shows its configuration")
        return FirstCall(apis.PATHS[apis.CHAT], key=BEARER)
    if route is not None:
        routes = {each.name: each for each in loaded.config.routes or (DEFAULT_ROUTE,)}
        if route not in routes:
            raise ValueError(f"there is no route {route!r}; there are {', '.join(routes)}")
        return call_on(loaded, routes[route], apis.CHAT)
    found = call_of(loaded, apis.CHAT)
    if found is None:
        raise ValueError("the configuration has no route and provider that answer chats; `aigw init` writes one")
    return found
