"""ai-cache with `fidelity: safe`: the key is the whole request, only complete answers are kept, and the header
`x-aigw-cache` tells the client what happened.

Rule: the cache never makes a request fail. It is a miss if the store is down, if a value cannot be read, or if an
answer cannot be converted."""

from __future__ import annotations

from functools import partial
from typing import NamedTuple

from aigw.core.aside import aside
from aigw.core.env import Env
from aigw.core.exchange import Exchange
from aigw.core.layers import Outcome
from aigw.core.pace import LARGE
from aigw.core.plugin import Behind, Next
from aigw.core.reply import Reply
from aigw.core.stores import KV, StoreError
from aigw.plugins.ai_cache.control import HEADER, SKIP, Control, control_of, note
from aigw.plugins.ai_cache.entry import Capture, Entry, decode, encode, keepable
from aigw.plugins.ai_cache.flight import Flight, Flights
from aigw.plugins.ai_cache.key import CacheKey, CacheKeys
from aigw.plugins.ai_cache.replay import EVENTS, JSON, Replay, body_of, events_of

SHOWN = 16
"""How many characters of a key the client gets. `aigw cache show` finds the entry by them."""


class SafeSettings(NamedTuple):
    """The settings of a cache. `ttl` is in seconds; with 0, entries do not expire. If `timing` is true, a stored stream
    is sent as slowly as it came."""

    prefix: str
    ttl: int
    timing: bool = False


class SafeCache:
    """The cache of one chain. Chains with the same configuration share `flights` and `kv`."""

    def __init__(self, settings: SafeSettings, kv: KV, flights: Flights, env: Env, behind: Behind) -> None:
        self._settings = settings
        self._kv = kv
        self._flights = flights
        self._env = env
        self._keys = CacheKeys(behind)

    async def __call__(self, exchange: Exchange, call_next: Next) -> Reply:
        request = exchange.request
        if not exchange.dialect.repeatable or request.method != "POST" or not request.is_json:
            return await call_next(exchange)
        control = control_of(request.headers)
        if control.bypass:
            return await self._bypass(exchange, call_next, control.bypass)
        key = await aside(len(request.body), self._keys.read, exchange)
        if key.reason:
            return await self._bypass(exchange, call_next, key.reason)
        entry, why = await self._find(key.key, control)
        if entry is not None and (reply := self._hit(exchange, key, entry, why)) is not None:
            return reply
        return await self._miss(exchange, call_next, key, why or "form")

    async def _find(self, key: str, control: Control) -> tuple[Entry | None, str]:
        """Returns the entry for a key, and "joined" if it is from another request that was running ("" if it is from
        the store). If there is no entry, returns None and the reason."""
        if not control.look:
            return None, "no-cache"
        try:
            value = await self._kv.get(self._settings.prefix + key)
        except StoreError:
            value, why = None, "unavailable"
        else:
            why = "new"
        if value is not None:
            entry = decode(value)
            why = "format" if entry is None else control.objection(entry.created, self._env.clock.time())
            if not why:
                return entry, ""
        joined = await self._flights.join(key)
        return (None, why) if joined is None else (joined, "joined")

    def _hit(self, exchange: Exchange, key: CacheKey, entry: Entry, why: str) -> Reply | None:
        asked = exchange.asked
        try:
            if not asked.stream:
                body = body_of(entry, exchange.dialect)
                reply = exchange.reply(body, headers={"content-type": JSON if entry.streamed else entry.content_type})
            else:
                timed = self._settings.timing and entry.streamed
                source = Replay(
                    events_of(entry, exchange.dialect, usage=asked.wants_usage),
                    entry.delays,
                    self._env.sleep if timed else None,
                )
                content_type = entry.content_type if entry.streamed else EVENTS
                reply = exchange.reply(source, headers={"content-type": content_type}, streaming=True)
        except ValueError:
            return None
        age = max(0, int(self._env.clock.time() - entry.created))
        words = f"hit; key={key.key[:SHOWN]}; age={age}"
        if why:
            words += f"; reason={why}"
        if entry.ttl:
            words += f"; ttl={max(0, entry.ttl - age)}"
        reply.headers[HEADER] = words
        note(exchange, "hit")
        return reply

    async def _bypass(self, exchange: Exchange, call_next: Next, reason: str) -> Reply:
        note(exchange, "bypass", "skip" if reason == SKIP else "bypass")
        reply = await call_next(exchange)
        reply.headers[HEADER] = f"bypass; reason={reason}"
        return reply

    async def _miss(self, exchange: Exchange, call_next: Next, key: CacheKey, why: str) -> Reply:
        note(exchange, "miss")
        flight = self._flights.start(key.key)
        try:
            reply = await call_next(exchange)
            # after a fallback, the answer is from another provider, and must not answer later requests
            kept = keepable(reply) and len(set(exchange.attempts)) < 2
            reply.headers[HEADER] = f"miss; key={key.key[:SHOWN]}; reason={why}{'' if kept else '; kept=no'}"
        except BaseException:
            self._flights.end(key.key, flight)
            raise
        if not kept:
            self._flights.end(key.key, flight)
            return reply
        capture = Capture(key, reply, self._env.clock.monotonic)
        flight.progress = lambda: capture.size

        def ended(outcome: Outcome) -> None:
            if outcome is Outcome.COMPLETE and not reply.makeshift:
                if max(len(key.body), capture.size) > LARGE:
                    exchange.defer(self._keep_long, exchange, key, capture, flight)
                else:
                    exchange.soon(self._keep, exchange, key, capture, flight)
            else:
                self._flights.end(key.key, flight)

        return reply.tap(capture.batch, ended)

    async def _keep_long(self, exchange: Exchange, key: CacheKey, capture: Capture, flight: Flight) -> None:
        try:
            made = await aside(max(len(key.body), capture.size), self._made, exchange, key, capture)
        except BaseException:
            self._flights.end(key.key, flight)
            raise
        self._store(key, flight, made)

    def _keep(self, exchange: Exchange, key: CacheKey, capture: Capture, flight: Flight) -> None:
        try:
            made = self._made(exchange, key, capture)
        except BaseException:
            self._flights.end(key.key, flight)
            raise
        self._store(key, flight, made)

    def _made(self, exchange: Exchange, key: CacheKey, capture: Capture) -> tuple[Entry, bytes] | None:
        """Returns the entry and its stored form, None if there is nothing to keep."""
        created, ttl = self._env.clock.time(), self._settings.ttl
        entry = capture.entry(exchange, created=created, ttl=ttl, parts=self._keys.parts(key))
        return None if entry is None else (entry, encode(entry))

    def _store(self, key: CacheKey, flight: Flight, made: tuple[Entry, bytes] | None) -> None:
        """Runs after the last byte. It gives the entry to the requests that wait, and then stores it. Until it can be
        found in the store, new requests still find the flight."""
        end = partial(self._flights.end, key.key, flight)
        if made is None:
            end()
            return
        entry, value = made
        flight.land(entry)
        self._kv.put_soon(self._settings.prefix + key.key, value, self._settings.ttl or None, end)
