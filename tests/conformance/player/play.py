"""Plays one case: what must be refused is refused, what must be served is served as the case says."""

from __future__ import annotations

from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import msgspec
from player import in_process
from player.cases import Case, check, is_served, rejected_of
from player.configuration import gateway_config, service_names
from player.gateway import Gateways
from player.local_store import LocalStore, StillClock
from player.mismatch import Mismatch, differ
from player.reasons import check_reason
from player.services import serve
from player.shared_redis import SharedRedis
from player.stage import Stage
from player.store import Store, open_store
from player.ways import LOCAL, REDIS, needs_clock, stores_of

from aigw.resources.shapes import WasmPluginSpec
from aigw.resources.wasm_plugin import effective


async def play(
    case: Case, folder: Path, store: str = LOCAL, gateways: Gateways = in_process, redis: SharedRedis | None = None
) -> None:
    """Raises Mismatch if the gateway does anything else than the case says. `folder` is empty and the case's own;
    `store` is one of `ways.stores_of`; `redis` is needed for a real one."""
    check(case)
    if "request_order" in case:
        _check_order(case)
        return
    if "cases" in case:
        _check_resources(case)
        return
    for number, (config, reason) in enumerate(rejected_of(case), 1):
        await _check_refusal(case, config, reason, folder / f"refused-{number}", gateways)
    if is_served(case):
        await _serve(case, folder, store, gateways, redis)


async def _check_refusal(case: Case, config: Any, reason: str, folder: Path, gateways: Gateways) -> None:
    plugins = [{"name": case["plugin"], "config": config}] if "plugin" in case else case["plugins"]
    try:
        findings = await gateways.refusal(folder, gateway_config({"plugins": plugins}, {}))
    except Mismatch as error:
        raise Mismatch(f"{error}\n  the configuration: {config!r}") from None
    if reason:
        check_reason(reason, findings, config)


async def _serve(case: Case, folder: Path, kind: str, gateways: Gateways, redis: SharedRedis | None) -> None:
    stage = Stage(case, gateways)
    async with AsyncExitStack() as stack:
        services = await stack.enter_async_context(serve(*service_names(case), stage.respond))
        store: Store | LocalStore | None = None
        if kind == REDIS:
            assert redis is not None
            store = await stack.enter_async_context(open_store(case, redis))
        elif REDIS in stores_of(case):
            store = LocalStore(case, folder, StillClock(folder / "clock") if needs_clock(case, kind) else None)
        await stage.run(services, folder, store)


def _check_order(case: Case) -> None:
    from aigw.config.plugins import find_plugin
    from aigw.higress.places import OTHER_PLACES, sort

    named = [entry["name"] for entry in case["input"]]
    own = {name: about.place for name in named if (about := find_plugin(name)) is not None}
    names = sort({name: own.get(name) or OTHER_PLACES[name] for name in named})
    if list(names) != case["request_order"]:
        raise differ("request_order", case["request_order"], list(names))
    if list(reversed(names)) != case["response_order"]:
        raise differ("response_order", case["response_order"], list(reversed(names)))


def _check_resources(case: Case) -> None:
    """What the gateway gets of each WasmPlugin: `none`, `error`, or a configuration."""
    for number, entry in enumerate(case["cases"], 1):
        try:
            got: Any = effective(msgspec.convert(entry["spec"], WasmPluginSpec))
        except ValueError:
            got = "error"
        got = "none" if got is None else got
        if got != entry["effective"]:
            raise differ(f"resource {number}", entry["effective"], got)
