"""Files of cases: read, checked for names that the player does not know, and asked which plugins they need.

The format is that of higress-cases.yaml; its header comment says what the names mean. Beside those there are:
`store_before`: what is in the store before the first step, as `store_after` says it. `configs_rejected`: a list, each is
refused. `expect_effective`: what stands in the effective configuration of the plugin. `ai_log: none`: there is none.
`properties`: prose. A `reason` names keys and values, as `player/reasons.py` says."""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

import yaml
from player.expectations import GEO, check_names
from player.mismatch import Mismatch, only_known, require

Case = dict[str, Any]


class Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):
    """Reads 1e-06 as a number, as YAML 1.2 and the writer of the cases do."""


Loader.add_implicit_resolver("tag:yaml.org,2002:float", re.compile(r"[-+]?\d+[eE][-+]?\d+$"), list("-+0123456789"))

DESCRIPTIVE = {"id", "title", "note", "basis", "plugin_version", "properties"}
SERVED = {"steps", "expect_config", "expect_effective"}
CHECKED = SERVED | {"configs_rejected", "cases", "request_order"}
CASE = (
    DESCRIPTIVE
    | SERVED
    | {
        "plugin",
        "plugins",
        "config",
        "mocks",
        "configs_rejected",
        "reason",
        "redis_client",
        "redis_down",
        "store_before",
    }
)
REJECTED = {"config", "reason", "title", "note"}
RESOURCE_CASE = DESCRIPTIVE | {"cases"}
RESOURCE = {"spec", "effective", "meaning"}
ORDER_CASE = DESCRIPTIVE | {"input", "request_order", "response_order"}
STEP = {"request", "upstream", "expect", "context", "advance_s", "redis_down"}
REQUEST = {"method", "path", "host", "headers", "body"}
ANSWER = {"status", "headers", "body", "chunks"}
MOCK = ANSWER | {"match"}
CONTEXT = {"route_name", "cluster_name", "response.code_details", *GEO}
REDIS_CLIENT = {"service", "port", "username", "password", "timeout_ms", "db"}

PORT_KEYS = ("servicePort", "service_port")
SERVICE_KEYS = ("serviceName", "serviceFQDN", "service_name")


def load(path: Path) -> list[Case]:
    cases: list[Case] = yaml.load(path.read_text(encoding="utf-8"), Loader)
    ids = [case["id"] for case in cases]
    doubled = {name for name in ids if ids.count(name) > 1}
    if doubled:
        raise ValueError(f"{path}: several cases are called {', '.join(sorted(doubled))}")
    return cases


def plugins_of(case: Case) -> dict[str, Any]:
    """The plugins of a case with their configuration."""
    if "plugins" in case:
        return {entry["name"]: entry.get("config", {}) for entry in case["plugins"]}
    return {case["plugin"]: case.get("config", {})} if "plugin" in case else {}


def not_built(case: Case) -> list[str]:
    """The parts that the case needs and that aigw does not have."""
    if "cases" in case:
        return [] if find_spec("aigw.resources") else ["aigw.resources"]
    if "request_order" in case:
        return [] if find_spec("aigw.higress.places") else ["aigw.higress.places"]
    modules = {name: f"aigw.plugins.{name.replace('-', '_')}" for name in plugins_of(case)}
    return [name for name, module in modules.items() if find_spec(module) is None]


def unplayable(case: Case) -> str:
    """Why the case cannot be played; "" if it can."""
    if is_prose(case):
        return "prose: it has nothing that can be played"
    missing = not_built(case)
    return f"not built yet: {', '.join(missing)}" if missing else ""


class NamedRedis(NamedTuple):
    """What the configuration of a case says about its Redis."""

    service: str
    port: int
    username: str = ""
    password: str = ""
    database: int = 0


def redis_of(case: Case) -> NamedRedis:
    """Raises KeyError for a case without a Redis."""
    for node in mappings(plugins_of(case)):
        for key in SERVICE_KEYS:
            if is_redis(node.get(key)):
                usual = 80 if node[key].endswith(".static") else 6379
                port = next((node[name] for name in PORT_KEYS if name in node), usual)
                login = (node.get("username", ""), node.get("password", ""))
                return NamedRedis(node[key], port, *login, node.get("database", 0))
    raise KeyError("redis")


def is_redis(service: Any) -> bool:
    return isinstance(service, str) and service.startswith("redis.")


def is_prose(case: Case) -> bool:
    """Whether the case only tells what holds, in words."""
    return "properties" in case and not case.keys() & CHECKED


def is_served(case: Case) -> bool:
    """Whether the case has a configuration that the gateway must take."""
    return case.get("expect_config") != "rejected" and bool(case.keys() & SERVED)


def rejected_of(case: Case) -> list[tuple[Any, str]]:
    """The configurations that the gateway must refuse, and what it must name then ("": nothing is said about it). One
    of `configs_rejected` may have a reason of its own: {config, reason}."""
    reason = case.get("reason", "")
    found = [(case.get("config", case.get("plugins")), reason)] if case.get("expect_config") == "rejected" else []
    for entry in case.get("configs_rejected") or []:
        if isinstance(entry, dict) and "config" in entry and entry.keys() <= REJECTED:
            found.append((entry["config"], entry.get("reason", reason)))
        else:
            found.append((entry, reason))
    return found


def mappings(value: Any) -> Iterator[dict[str, Any]]:
    """Every mapping inside a value, at any depth."""
    if isinstance(value, dict):
        yield value
        value = list(value.values())
    if isinstance(value, list):
        for item in value:
            yield from mappings(item)


def _check_refusals(case: Case) -> None:
    require(case.get("configs_rejected") != [], "configs_rejected: there is none")
    require("configs_rejected" not in case or "plugin" in case, "configs_rejected: the case names no plugin")
    require("reason" not in case or bool(rejected_of(case)), "reason: nothing is refused")
    if case.get("expect_config") == "rejected":
        unseen = case.keys() & {"steps", "expect_effective", "redis_client"}
        require(not unseen, f"expect_config: no {', '.join(sorted(unseen))} of a refused configuration can be seen")


def check(case: Case) -> None:
    """Raises Mismatch if anything in the case would go unchecked."""
    if "request_order" in case:
        only_known("case", case, ORDER_CASE)
        return
    if "cases" in case:
        only_known("case", case, RESOURCE_CASE)
        for entry in case["cases"]:
            only_known("resource", entry, RESOURCE)
        return
    only_known("case", case, CASE)
    require(bool(case.keys() & CHECKED), f"case: it has neither of {', '.join(sorted(CHECKED))}")
    _check_refusals(case)
    require(case.get("expect_effective") != {}, "expect_effective: it is empty")
    require("store_before" not in case or bool(case.get("steps")), "store_before: no step sees it")
    if case.get("expect_config") not in (None, "accepted", "rejected"):
        raise Mismatch(f"expect_config: the player does not know {case['expect_config']!r}")
    only_known("redis_client", case.get("redis_client") or {}, REDIS_CLIENT)
    for mock in case.get("mocks") or []:
        only_known("mock", mock, MOCK)
    for number, step in enumerate(case.get("steps") or [], 1):
        only_known(f"step {number}", step, STEP)
        only_known(f"step {number} request", step["request"], REQUEST)
        only_known(f"step {number} upstream", step.get("upstream") or {}, ANSWER)
        only_known(f"step {number} context", step.get("context") or {}, CONTEXT)
        check_names(f"step {number} expect", step["expect"])
