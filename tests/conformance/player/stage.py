"""One case on stage: the services answer as the step that is being played says, and each step is looked at.

A service that no mock answers for is down. What is sent to a provider's host arrives at the route's own: in
Higress the cluster decides the address, not the host. Redis is a real one, or the gateway's own stand-in."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

from player.cases import Case, mappings
from player.configuration import gateway_config, request_of, route_of, routes, tokens_of
from player.effective import check_effective
from player.expectations import Played
from player.expectations import check as check_step
from player.gateway import Gateway, Gateways, tail
from player.local_store import LocalStore
from player.mismatch import Mismatch, differ, require
from player.observed import Receiver, observe, receiving
from player.services import Answer, Services, answer_of
from player.store import Store
from player.wire import Call, exchange

ANY_CALL = {
    "request": {
        "path": "/v1/chat/completions",
        "body": {"model": "m", "messages": [{"role": "user", "content": "hi"}]},
    },
    "expect": {"local_reply": "none"},
}
"""What a case without steps is played with if its Redis must see the gateway."""


class Stage:
    """Answers the calls of the step that is being played."""

    def __init__(self, case: Case, gateways: Gateways) -> None:
        self._case = case
        self._gateways = gateways
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
        """Plays the steps. Raises Mismatch."""
        steps = self._case.get("steps") or ([ANY_CALL] if "redis_client" in self._case else [])
        steps = store.steps(steps) if store else steps
        if before := self._case.get("store_before"):
            require(store is not None, "store_before: the configuration names no Redis")
            await store.put(before)
        async with self._started(services, folder, store, steps) as (gateway, receiver):
            if "expect_effective" in self._case:
                check_effective(self._case, await gateway.effective())
            timeouts = await self._timeouts(gateway)
            for number, step in enumerate(steps, 1):
                try:
                    await self._play(step, services, folder, store, gateway, receiver, timeouts)
                except Mismatch as error:
                    raise Mismatch(f"step {number}: {error}{tail(folder)}") from None
        if store:
            await store.check_end()
            _check_client(self._case, store, timeouts)

    @asynccontextmanager
    async def _started(
        self, services: Services, folder: Path, store: Store | LocalStore | None, steps: list[dict[str, Any]]
    ) -> AsyncIterator[tuple[Gateway, Receiver | None]]:
        async with AsyncExitStack() as stack:
            receiver: Receiver | None = None
            if any("span_tags" in step["expect"] for step in steps):
                receiver = await stack.enter_async_context(receiving())
            config = gateway_config(self._case, services.urls | (store.services if store else {}))
            added = (receiver.environment if receiver else {}) | (store.environment if store else {})
            yield await stack.enter_async_context(self._gateways.running(folder, config, added)), receiver

    async def _play(
        self,
        step: dict[str, Any],
        services: Services,
        folder: Path,
        store: Store | LocalStore | None,
        gateway: Gateway,
        receiver: Receiver | None,
        timeouts: set[float],
    ) -> None:
        self.begin(step)
        services.calls.clear()
        if store:
            await store.begin(step)
        sent, expect = request_of(step), step["expect"]
        answer = await exchange(gateway.url, sent)
        await gateway.settle()
        if callouts := expect.get("callouts"):
            await services.settle(len(callouts) + (not isinstance(expect.get("local_reply"), dict)))
        calls = list(services.calls)
        observed = await observe(folder, gateway.url, receiver, answer, expect)
        if not expect:  # only the calls to Redis were
            return
        scripted, tokens = answer_of(step.get("upstream"), sent.method), tokens_of(self._case)
        check_step(Played(sent, answer, scripted, self._service, calls, expect, tokens, timeouts, observed))
        if store:
            await store.check(expect, gateway.patience)

    async def _timeouts(self, gateway: Gateway) -> set[float]:
        """A timeout cannot be seen on the wire, so it is looked up in the effective configuration."""
        expected = [
            callout for step in self._case.get("steps") or [] for callout in step["expect"].get("callouts") or []
        ]
        expected.append(self._case.get("redis_client") or {})
        if not any("timeout_ms" in callout for callout in expected):
            return set()
        nodes = mappings((await gateway.effective()).get("plugins"))
        numbers = (value for node in nodes for key, value in node.items() if "timeout" in key.lower())
        return {float(value) for value in numbers if isinstance(value, int | float)}


def _check_client(case: Case, store: Store | LocalStore, timeouts: set[float]) -> None:
    if expected := case.get("redis_client"):
        store.check_client(expected)
        if timeouts and expected["timeout_ms"] not in timeouts:  # else it is the default, which is not shown
            raise differ("redis_client: timeouts of the effective configuration", expected["timeout_ms"], timeouts)
