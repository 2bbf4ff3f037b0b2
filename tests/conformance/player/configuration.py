"""What a case is on the wire and in the gateway's file: its request, its routes, its services, its aigw.yaml."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote_plus

from player.cases import PORT_KEYS, SERVICE_KEYS, Case, is_redis, mappings, plugins_of
from player.expectations import GEO, GEO_HEADER, ROUTE_HEADER
from player.mismatch import Mismatch
from player.services import encode_body
from player.wire import Sent

ROUTE = "test-route"
SERVICE = "llm.internal.dns:443"


def request_of(step: dict[str, Any]) -> Sent:
    """The client's request, with the headers that any client sends and the one that picks the route."""
    request = step["request"]
    headers = {"host": request.get("host", "localhost")}
    headers |= {name.lower(): str(value) for name, value in (request.get("headers") or {}).items()}
    if "body" in request and not isinstance(request["body"], str):
        headers.setdefault("content-type", "application/json")
    headers |= {GEO_HEADER + name: quote_plus(value) for name, value in _geo(step)}
    if route_of(step) != ROUTE:
        headers[ROUTE_HEADER] = route_of(step)
    return Sent(request.get("method", "POST"), request["path"], headers, encode_body(request.get("body")))


def _geo(step: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """What geo-ip found out: in Higress these are properties, and headers beside them."""
    yield from ((name, str(value)) for name, value in (step.get("context") or {}).items() if name in GEO)


def route_of(step: dict[str, Any]) -> str:
    return str((step.get("context") or {}).get("route_name", ROUTE))


def routes(case: Case) -> dict[str, str]:
    """The service of every route of the case: `outbound|1||other` is other:1."""
    found = {ROUTE: SERVICE}
    for step in case.get("steps") or []:
        name = route_of(step)
        service = SERVICE
        if cluster := (step.get("context") or {}).get("cluster_name"):
            _, port, _, host = cluster.split("|")
            service = f"{host}:{port}"
        if name != ROUTE and found.setdefault(name, service) != service:
            raise Mismatch(f"context: the player knows one cluster for a route, {name} has several")
        if name == ROUTE:
            found[ROUTE] = service
    return found


def service_names(case: Case) -> tuple[list[str], list[str]]:
    """Every service that the case names (routes, callouts, configuration), and those of them that are down."""
    names = dict.fromkeys(routes(case).values())
    for step in case.get("steps") or []:
        for callout in step["expect"].get("callouts") or []:
            names[f"{callout['service']}:{callout['port']}"] = None
    for node in mappings(plugins_of(case)):
        name = next((node[key] for key in SERVICE_KEYS if key in node), None)
        port = next((node[key] for key in PORT_KEYS if key in node), None)
        if isinstance(name, str) and "domain" in node and "." not in name:
            name = f"{name}.dns"  # the forms of June 2024
        known = {known.partition(":")[0] for known in names}
        if isinstance(name, str) and name not in known and not is_redis(name):
            names[f"{name}:{port}" if port else name] = None
    # the cause of an answer that the gateway itself makes (`response.code_details`) is that there is nobody to ask
    down = [routes(case)[route_of(step)] for step in case.get("steps") or [] if is_own_answer(step)]
    return [name for name in names if name not in down], down


def is_own_answer(step: dict[str, Any]) -> bool:
    return "response.code_details" in (step.get("context") or {})


def tokens_of(case: Case) -> list[str]:
    return [token for node in mappings(plugins_of(case)) for token in node.get("apiTokens") or []]


def gateway_config(case: Case, services: dict[str, str]) -> dict[str, Any]:
    """The aigw.yaml of a case. `services` says where the services are. Prices are set, so that none is looked up, and
    nothing is kept in memory, so that every look-up can be seen in Redis."""
    named = [(name, service) for name, service in routes(case).items() if name != ROUTE]
    selected = [
        {"name": name, "match": {"path": "/*", "headers": {ROUTE_HEADER: name}}, "upstream": service}
        for name, service in named
    ]
    default = routes(case)[ROUTE]
    hosts = [step["request"]["host"].partition(":")[0] for step in case.get("steps") or [] if "host" in step["request"]]
    return {
        "listen": "127.0.0.1:0",
        "fidelity": "higress",
        **({"hosts": hosts} if hosts else {}),
        "services": services,
        "prices": {"*": {"input": 0, "output": 0}},
        "cache": {"memory": 1},
        "routes": [*selected, {"name": ROUTE, "match": {"path": "/*"}, "upstream": default}],
        "plugins": json.loads(json.dumps(plugins_of(case))),
    }
