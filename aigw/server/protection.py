"""Finds out whether key-auth protects a gateway, so that other machines may reach it."""

from __future__ import annotations

from aigw.config.load import Loaded
from aigw.pipeline.rerouting import NOWHERE
from aigw.server.routes import DEFAULT_ROUTE

KEY_AUTH = "key-auth"


def is_protected(loaded: Loaded) -> bool:
    """True if every request needs a key before anything is spent on it: on all routes, for all hosts, and before every
    plugin that may answer or call others."""
    plugin = loaded.plugins.get(KEY_AUTH)
    if plugin is None:
        return False
    names = list(loaded.plugins)
    place = names.index(KEY_AUTH)
    if any(loaded.plugins[name].about.place.phase != "AUTHN" for name in names[:place]):
        return False
    routes = [(route.name, loaded.service(route.name)) for route in loaded.config.routes or (DEFAULT_ROUTE,)]
    if any(loaded.plugins[name].about.reroutes for name in names[place:]):
        routes.append((NOWHERE.name, NOWHERE.service))  # key-auth acts before the route is chosen
    possible = [config for route, service in routes for config in plugin.rules.possible(route, service)]
    return all(config is not None and config.protects for config in possible)
