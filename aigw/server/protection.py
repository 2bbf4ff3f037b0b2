"""Whether other machines may reach the gateway: only if a plugin asks everybody for a key, or the user insists."""

from __future__ import annotations

from aigw.config.load import Loaded
from aigw.config.model import DEFAULT_ROUTE
from aigw.core.errors import ConfigError
from aigw.pipeline.rerouting import NOWHERE
from aigw.server import standin_routes
from aigw.server.guard import is_loopback


def check_address(host: str, *, insecure: bool, authenticated: bool) -> None:
    """Raises ConfigError if others can reach the address and nothing asks them for a key."""
    if not (is_loopback(host) or insecure or authenticated):
        raise ConfigError(
            [
                f"listen: {host} can be reached from other machines, and whoever reaches it spends your keys; "
                "listen on 127.0.0.1, start with --insecure, or configure key-auth for every route"
            ]
        )


def is_protected(loaded: Loaded) -> bool:
    """True if every request needs a key before anything is spent on it: on all routes, for all hosts, and before every
    plugin that may answer or call others."""
    return any(_asks_everybody(loaded, name) for name in loaded.plugins)


def _asks_everybody(loaded: Loaded, name: str) -> bool:
    plugins = list(loaded.plugins.values())
    plugin = loaded.plugins[name]
    place = plugins.index(plugin)
    if any(each.about.place.phase != "AUTHN" for each in plugins[:place]):
        return False
    routes = [(route.name, loaded.service(route.name)) for route in loaded.config.routes or (DEFAULT_ROUTE,)]
    routes += [(standin_routes.route_name(name), "") for name in standin_routes.names_on(loaded.config.standins)]
    if any(each.about.reroutes for each in plugins[place:]):
        routes.append((NOWHERE.name, NOWHERE.service))  # it asks before the route is chosen
    possible = [config for route, service in routes for config in plugin.rules.possible(route, service)]
    return all(config is not None and plugin.about.protects(config) for config in possible)
