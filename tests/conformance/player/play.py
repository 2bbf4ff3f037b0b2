"""Plays one case: its services, its gateway, its steps one after another.

A service that no mock answers for is down. What is sent to a provider's host arrives at the route's own: in
Higress the cluster decides the address, not the host. Redis is a real one, or the gateway's own stand-in."""

from __future__ import annotations

import json
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

from player import gateway
from player.cases import PORT_KEYS, SERVICE_KEYS, Case, check, is_redis, mappings, plugins_of, stores_of
from player.expectations import ROUTE_HEADER, Played
from player.expectations import check as check_step
from player.local_store import LocalStore
from player.mismatch import Mismatch, differ, require
from player.observed import Receiver, observe, receiving
from player.services import Answer, Services, answer_of, encode_body, serve
from player.store import Store, open_store
from player.wire import Call, Sent, exchange

ROUTE = "test-route"
SERVICE = "llm.internal.dns:443"


ANY_CALL = {
    "request": {
        "path": "/v1/chat/completions",
        "body": {"model": "m", "messages": [{"role": "user", "content": "hi"}]},
    },
    "expect": {"local_reply": "none"},
}
"""What a case without steps is played with if its Redis must see the gateway."""


async def play(case: Case, folder: Path, store: str = "local") -> None:
    """Raises Mismatch if the gateway does anything else than the case says. `folder` is empty and the case's own;
    `store` is one of `cases.stores_of`."""
    check(case)
    if "request_order" in case:
        _check_order(case)
    elif case.get("expect_config") == "rejected":
        findings = await gateway.refusal(folder, gateway_config(case, {}))
        require(str(case.get("reason", "")) in findings, f"the reason {case.get('reason')!r} is not in:\n{findings}")
    else:
        stage = Stage(case)
        async with AsyncExitStack() as stack:
            services = await stack.enter_async_context(serve(*service_names(case), stage.respond))
            opened: Store | LocalStore | None = None
            if store == "redis":
                opened = await stack.enter_async_context(open_store(case, folder))
            elif len(stores_of(case)) > 1:
                opened = LocalStore(case, folder)
            await stage.run(services, folder, opened)


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


class Stage:
    """Answers the calls of the step that is being played."""

    def __init__(self, case: Case) -> None:
        self._case = case
        self._step: dict[str, Any] = {}
        self._service = ""
        self._calls = 0

    def begin(self, step: dict[str, Any]) -> None:
        self._step, self._calls = step, 0
        self._service = routes(self._case)[route_of(step)]

    def respond(self, call: Call) -> Answer | None:
        if call.service == self._service:
            self._calls += 1
            if self._calls == 1:
                return answer_of(self._step.get("upstream"), call.method)
        text = "\n".join([call.service, call.host, call.target, call.body.decode(errors="replace")])
        found = (mock for mock in self._case.get("mocks") or [] if mock["match"] in text)
        mock = next(found, None)
        return None if mock is None else answer_of(mock, call.method)

    async def run(self, services: Services, folder: Path, store: Store | LocalStore | None) -> None:
        steps = self._case.get("steps") or ([ANY_CALL] if "redis_client" in self._case else [])
        steps = store.steps(steps) if store else steps
        async with AsyncExitStack() as stack:
            receiver: Receiver | None = None
            if any("span_tags" in step["expect"] for step in steps):
                receiver = await stack.enter_async_context(receiving())
            config = gateway_config(self._case, services.urls | (store.services if store else {}))
            environment = (receiver.environment if receiver else {}) | (store.environment if store else {})
            process = await stack.enter_async_context(gateway.running(folder, config, environment))
            timeouts = await self._timeouts(process)
            for number, step in enumerate(steps, 1):
                self.begin(step)
                services.calls.clear()
                try:
                    if store:
                        await store.begin(step)
                    sent = request_of(step)
                    answer = await exchange(process.url, sent)
                    scripted = answer_of(step.get("upstream"), sent.method)
                    if callouts := step["expect"].get("callouts"):
                        await services.settle(len(callouts) + (not isinstance(step["expect"].get("local_reply"), dict)))
                    calls = list(services.calls)
                    tokens = tokens_of(self._case)
                    observed = await observe(folder, process.url, receiver, answer, step["expect"])
                    expect = step["expect"]
                    if not expect:  # only the calls to Redis were
                        continue
                    check_step(Played(sent, answer, scripted, self._service, calls, expect, tokens, timeouts, observed))
                    if store:
                        await store.check(expect)
                except Mismatch as error:
                    raise Mismatch(f"step {number}: {error}{gateway.tail(process.errors)}") from None
        if store:
            await store.check_end()
            _check_client(self._case, store, timeouts)

    async def _timeouts(self, process: gateway.Gateway) -> set[float]:
        """A timeout cannot be seen on the wire, so it is looked up in the effective configuration."""
        expected = [
            callout for step in self._case.get("steps") or [] for callout in step["expect"].get("callouts") or []
        ]
        expected.append(self._case.get("redis_client") or {})
        if not any("timeout_ms" in callout for callout in expected):
            return set()
        nodes = mappings(await gateway.effective_config(process))
        numbers = (value for node in nodes for key, value in node.items() if "timeout" in key.lower())
        return {float(value) for value in numbers if isinstance(value, int | float)}


def _check_client(case: Case, store: Store | LocalStore, timeouts: set[float]) -> None:
    if expected := case.get("redis_client"):
        store.check_client(expected)
        if timeouts and expected["timeout_ms"] not in timeouts:  # else it is the default, which is not shown
            raise differ("redis_client: timeouts of the effective configuration", expected["timeout_ms"], timeouts)


def request_of(step: dict[str, Any]) -> Sent:
    """The client's request, with the headers that any client sends and the one that picks the route."""
    request = step["request"]
    headers = {"host": request.get("host", "localhost")}
    headers |= {name.lower(): str(value) for name, value in (request.get("headers") or {}).items()}
    if "body" in request and not isinstance(request["body"], str):
        headers.setdefault("content-type", "application/json")
    if route_of(step) != ROUTE:
        headers[ROUTE_HEADER] = route_of(step)
    return Sent(request.get("method", "POST"), request["path"], headers, encode_body(request.get("body")))


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
