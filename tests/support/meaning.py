"""What a configuration means: for each route and host, where requests go and which plugins they meet with which
configuration; and what holds for all."""

from __future__ import annotations

from typing import Any

import msgspec

from aigw.config.load import Loaded, load
from aigw.config.model import DEFAULT_ROUTE, RouteConfig
from aigw.config.services import parse_upstream
from aigw.resources.exporting.resources import exported
from aigw.resources.exporting.source import SourceConfig
from aigw.resources.importing.configuration import imported
from aigw.resources.resource import read_resources
from aigw.resources.text import yaml_of

_APART = ("plugins", "routes", "services", "order", "listen")


def meaning(loaded: Loaded) -> dict[str, Any]:
    """Plain data that is equal for configurations that mean the same."""
    routes = loaded.config.routes or [DEFAULT_ROUTE]
    whole = msgspec.to_builtins(loaded.config)
    found = {key: value for key, value in whole.items() if key not in _APART}
    found["routes"] = [_route(loaded, route) for route in routes]
    return found


def hosts_of(loaded: Loaded) -> list[str]:
    """Hosts by which configurations can differ."""
    patterns = [p for plugin in loaded.plugins.values() for rule in plugin.rules.rules for p in rule.domains]
    return ["elsewhere", *sorted({pattern.replace("*", "x") for pattern in patterns})]


def _route(loaded: Loaded, route: RouteConfig) -> dict[str, Any]:
    service = loaded.service(route.name)
    match = msgspec.to_builtins(route.match)
    by_host = {host: _plugins(loaded, route, host, service) for host in hosts_of(loaded)}
    return {"name": route.name, "match": {**match, "hosts": sorted(match["hosts"])}, "hosts": by_host}


def _plugins(loaded: Loaded, route: RouteConfig, host: str, service: str) -> dict[str, Any]:
    configs: dict[str, Any] = {}
    target: Any = _target(loaded, route)
    for name, plugin in loaded.plugins.items():
        index = plugin.rules.select(route.name, host, service)
        if index is None:
            continue
        config = plugin.rules.configs[index]
        configs[name] = msgspec.to_builtins(config)
        found = plugin.about.destinations(config)
        if found:
            target = [
                str(loaded.services.locate(each.scheme, each.authority, service)) if each.scheme else each.name
                for each in found
            ]
    return {"plugins": list(configs.items()), "target": target}


def _target(loaded: Loaded, route: RouteConfig) -> Any:
    if not route.upstream:
        return None
    upstream = parse_upstream(route.upstream)
    origin = loaded.services.locate(upstream.scheme, upstream.authority)
    return str(origin), upstream.authority if "://" in route.upstream else ""


def there_and_back(loaded: Loaded, text: bytes, env: dict[str, str]) -> Loaded:
    """The configuration after an export and an import. `env` has the variables of the file."""
    written = exported(SourceConfig(loaded, text))
    stream = "---\n".join(yaml_of(each) for each in written.resources).encode()
    result = imported(read_resources(stream, "resources.yaml"))
    known = {name: written.secrets[name] or env.get(name, "") for name in result.variables}
    return load(None, known, text=result.text().encode())
