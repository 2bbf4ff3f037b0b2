"""Files of cases: read, checked for names that the player does not know, and asked which plugins they need.

The format is that of higress-cases.yaml; its header comment says what the names mean."""

from __future__ import annotations

import re
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import yaml
from player.expectations import check_names
from player.mismatch import Mismatch, only_known, require

Case = dict[str, Any]


class Loader(yaml.SafeLoader):
    """Reads 1e-06 as a number, as YAML 1.2 and the writer of the cases do."""


Loader.add_implicit_resolver("tag:yaml.org,2002:float", re.compile(r"[-+]?\d+[eE][-+]?\d+$"), list("-+0123456789"))

DESCRIPTIVE = {"id", "title", "note", "basis", "plugin_version"}
CASE = DESCRIPTIVE | {"plugin", "plugins", "config", "steps", "mocks", "expect_config", "reason"}
ORDER_CASE = DESCRIPTIVE | {"input", "request_order", "response_order"}
STEP = {"request", "upstream", "expect", "context"}
REQUEST = {"method", "path", "host", "headers", "body"}
ANSWER = {"status", "headers", "body", "chunks"}
MOCK = ANSWER | {"match"}
CONTEXT = {"route_name", "cluster_name", "response.code_details"}


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
        return ["import of WasmPlugin resources"]
    if "request_order" in case:
        return [] if find_spec("aigw.config.order") else ["aigw.config.order"]
    modules = {name: f"aigw.plugins.{name.replace('-', '_')}" for name in plugins_of(case)}
    return [name for name, module in modules.items() if find_spec(module) is None]


def check(case: Case) -> None:
    """Raises Mismatch if anything in the case would go unchecked."""
    if "request_order" in case:
        only_known("case", case, ORDER_CASE)
        return
    only_known("case", case, CASE)
    require("steps" in case or "expect_config" in case, "case: it has neither steps nor expect_config")
    if case.get("expect_config") not in (None, "accepted", "rejected"):
        raise Mismatch(f"expect_config: the player does not know {case['expect_config']!r}")
    for mock in case.get("mocks") or []:
        only_known("mock", mock, MOCK)
    for number, step in enumerate(case.get("steps") or [], 1):
        only_known(f"step {number}", step, STEP)
        only_known(f"step {number} request", step["request"], REQUEST)
        only_known(f"step {number} upstream", step.get("upstream") or {}, ANSWER)
        only_known(f"step {number} context", step.get("context") or {}, CONTEXT)
        check_names(f"step {number} expect", step["expect"])
