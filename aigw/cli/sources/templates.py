"""Finds the templates of ai-prompt-template in a configuration, and makes the requests that ask for them.

Rule: a request asks for a template by its name, so that the gateway fills it. Only where somebody wants another model
than the template names, it is filled here."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec

from aigw.config.load import Loaded
from aigw.config.model import DEFAULT_ROUTE, RouteConfig
from aigw.core.model import Timeouts
from aigw.dialects import apis, paths, template_call
from aigw.dialects.json_values import Json, encoded, object_of
from aigw.higress.template import Property
from aigw.higress.values import text_of
from aigw.pipeline.pipeline import select
from aigw.plugins.ai_prompt_template.plugin import lacking, templates_of, unknown
from aigw.plugins.ai_prompt_template.template import Template
from aigw.server.first_call import LOCAL, FirstCall, call_on
from aigw.server.routes import make_route

PLUGIN = "ai-prompt-template"


class FoundTemplate(NamedTuple):
    """A template, the route on which it is asked for, and the names of all routes that have it. `route` is None if only
    rules for other hosts than this machine's have it."""

    name: str
    template: Template
    route: RouteConfig | None
    routes: list[str]


class TemplateCall(NamedTuple):
    """A request for a template. `call` shows it as a command; its path and body are those of a plain answer."""

    template: str
    api: str
    call: FirstCall
    body: Json

    def streamed(self) -> TemplateCall:
        path, body = template_call.streamed(self.api, self.call.path, self.body)
        return self._replace(call=self.call._replace(path=path), body=body)


def all_templates(loaded: Loaded) -> list[FoundTemplate]:
    """Returns all templates, in the order of the configuration. Templates with the same name on different routes are
    returned separately."""
    found: dict[tuple[int, str], FoundTemplate] = {}
    plugin = loaded.plugins.get(PLUGIN)
    rules = plugin.rules if plugin is not None else None
    routes = [(route, index) for route in _routes(loaded) if (index := _index(loaded, route)) is not None]
    for index, config in enumerate(rules.configs if rules is not None else ()):
        on = [route for route, chosen in routes if chosen == index]
        for name, template in templates_of(config).items() if config is not None else ():
            found[index, name] = FoundTemplate(name, template, on[0] if on else None, [route.name for route in on])
    return list(found.values())


def find(loaded: Loaded, name: str, route: str | None = None) -> FoundTemplate:
    """Raises ValueError with what there is."""
    if PLUGIN not in loaded.plugins:
        raise ValueError(f"the configuration has no plugin {PLUGIN}; `aigw recipes {PLUGIN}` shows one")
    routes = {each.name: each for each in _routes(loaded)}
    if route is not None and route not in routes:
        raise ValueError(f"there is no route {route!r}; there are {', '.join(routes)}")
    known = [each for each in all_templates(loaded) if route is None or route in each.routes]
    found = [each for each in known if each.name == name]
    if not found:
        where = "" if route is None else f" on the route {route}"
        raise ValueError(unknown(name, list(dict.fromkeys(each.name for each in known)), where))
    best = next((each for each in found if each.route is not None), found[0])
    return best._replace(route=routes[route]) if route is not None else best


def ask(
    loaded: Loaded, found: FoundTemplate, values: Mapping[str, Any], *, model: str = "", path: str = ""
) -> TemplateCall:
    """The request that asks for a template with these values. Raises ValueError if that is not possible."""
    template, route = found.template, found.route
    if template.missing(values):
        raise ValueError(f"{lacking(found.name, template, values)}; give each as --set NAME=VALUE")
    if route is None:
        raise ValueError(f"the template {found.name!r} is only for hosts that this machine is not")
    api = _api_at(path) if path else template_call.api_of(template.fields)
    call = call_on(loaded, route, api)
    if path:
        call = call._replace(path=path)
    own, named = template_call.model_in(template.fields), route.match.headers.keys() - call.headers.keys()
    if model and own:
        filled = template.fill({name: _property(value) for name, value in values.items()})
        body = object_of(encoded(filled))
    else:
        body = template_call.call(api, found.name, template.fields, values)
    wanted = model or ("" if own and not named else call.model)
    place = call.path.replace("{model}", own or wanted or "MODEL")
    if wanted:
        place, body = template_call.with_model(api, place, body, wanted)
    text = json.dumps(body, ensure_ascii=False, separators=(",", ":"))
    return TemplateCall(found.name, api, call._replace(path=place, model=wanted or own, body=text), body)


def filled(found: FoundTemplate, values: Mapping[str, Any]) -> tuple[str, Json]:
    """Returns the API of a template, and the body of the request that it makes. Raises ValueError if a property is
    missing."""
    if found.template.missing(values):
        raise ValueError(lacking(found.name, found.template, values))
    fields = found.template.fill({name: _property(value) for name, value in values.items()})
    return template_call.api_of(found.template.fields), object_of(encoded(fields))


def _api_at(path: str) -> str:
    """Raises ValueError if no API is there that could take a template."""
    api = paths.read(path).api
    if api != apis.GENERATE_CONTENT and api not in apis.PATHS:
        raise ValueError(f"--path {path!r} is not that of an API for prompts, such as {apis.PATHS[apis.CHAT]}")
    return api


def _property(value: Any) -> Property:
    return Property(msgspec.json.encode(value), text_of(value))


def _routes(loaded: Loaded) -> list[RouteConfig]:
    return list(loaded.config.routes) or [DEFAULT_ROUTE]


def _index(loaded: Loaded, config: RouteConfig) -> int | None:
    """Returns the index of the plugin's configuration that holds on a route for clients on this machine."""
    route = make_route(config, loaded.services, Timeouts())
    host = call_on(loaded, config, apis.CHAT).headers.get("host", LOCAL)
    chosen = select(list(loaded.plugins.values()), route, host)
    return next((index for plugin, index in chosen if plugin.name == PLUGIN), None)
