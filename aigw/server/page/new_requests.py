"""Looks again and again which requests are new, for all who read events."""

from __future__ import annotations

import asyncio
import logging
import time
from typing import NamedTuple

import msgspec

from aigw.core.plain import plain_json_line
from aigw.core.stores import StoreError
from aigw.server.page.requests import Requests, readable, shown_path
from aigw.server.page.watch import Watch

log = logging.getLogger("aigw")

INTERVAL = 0.25
BUSY_INTERVAL = 1.0
"""The pause after a look that found more than anybody reads, so that the page costs a busy gateway little."""
MOST_AT_ONCE = 50
"""How many new requests are shown at once. Nobody reads more of them in INTERVAL."""
STARTED_SECONDS = 0.3
"""A request that takes longer is shown before it ends."""

Numbered = tuple[int, bytes]
"""The number of a request, and its summary as JSON."""


class News(NamedTuple):
    """The new requests for a reader. `last` is the number of the newest request. `rows` are the newest ones, oldest
    first. `left_out` counts further requests that are newer than the ones that the reader has seen."""

    last: int
    rows: list[Numbered]
    left_out: int


class Following:
    """What is known of the requests. `changed` is an event that is set when there is something new, and then replaced.
    `anew` counts how often the file, and with it the numbering, was begun again. `started` has the requests under way,
    as JSON by their ids."""

    def __init__(self, requests: Requests, watch: Watch) -> None:
        self._requests = requests
        self._watch = watch
        self._latest: list[Numbered] = []
        self._last: int | None = None
        self._task: asyncio.Task[None] | None = None
        self._failed = False
        self._begun = asyncio.Event()
        self.anew = 0
        self.started: dict[str, bytes] = {}
        self.changed = asyncio.Event()

    async def begun(self) -> None:
        """Begins to look. After that, whatever is newer than what `since` returns is among what `newer` returns."""
        if self._task is None:
            self._task = asyncio.create_task(self._run())
        await self._begun.wait()

    async def stop(self) -> None:
        task, self._task = self._task, None
        self._last, self._latest = None, []
        self._begun = asyncio.Event()
        if task is not None:
            task.cancel()
            await asyncio.wait([task])

    def tell(self) -> None:
        changed, self.changed = self.changed, asyncio.Event()
        changed.set()

    async def since(self, after: int | None) -> News:
        """Reads what is newer than `after`. None means nothing."""
        try:
            return await asyncio.to_thread(self._read, after, MOST_AT_ONCE)
        except StoreError as error:
            self._complain(error)
            return News(after or 0, [], 0)

    def newer(self, seen: int) -> News:
        """Returns those of the known requests that are newer than what a reader has seen."""
        last = self._last
        if last is None or last <= seen:
            return News(seen, [], 0)
        rows = [each for each in self._latest if each[0] > seen]
        return News(last, rows, max(last - seen - len(rows), 0))

    async def _run(self) -> None:
        while True:
            news = await self.since(self._last)
            if self._last is not None and news.last != self._last:
                if news.last < self._last:
                    self.anew, self._latest = self.anew + 1, []
                self._latest = [*self._latest, *news.rows][-MOST_AT_ONCE:]
                self.tell()
            self._last = news.last
            self._begun.set()
            if self._look_at_started():
                self.tell()
            await asyncio.sleep(BUSY_INTERVAL if news.left_out else INTERVAL)

    def _read(self, after: int | None, most: int) -> News:
        found = self._requests.newer(after or 0, 0 if after is None else most)
        self._failed = False
        return News(
            found.last,
            [(number, _line(self._requests.summary(number, row))) for number, row in found.rows],
            0 if after is None else found.left_out,
        )

    def _complain(self, error: StoreError) -> None:
        if not self._failed:
            log.warning("the page cannot show requests: %s", error)
        self._failed = True

    def _look_at_started(self) -> bool:
        """Whether there are requests that have been under way for a while and were not yet told."""
        late = time.monotonic() - STARTED_SECONDS
        under_way = [each.exchange for each in self._watch.under_way.values()]
        late_ones = [each for each in under_way if each.timing.arrived < late][-MOST_AT_ONCE:]
        known, self.started = self.started, {}
        for exchange in late_ones:
            self.started[exchange.id] = known.get(exchange.id) or _line(
                {
                    "id": exchange.id,
                    "at": time.time() - (time.monotonic() - exchange.timing.arrived),
                    "method": readable(exchange.original.method),
                    "path": shown_path(exchange.original.path),
                    "api": exchange.api,
                    "route": exchange.route.name,
                    "asked": readable(exchange.named[:200]),
                    "consumer": readable(exchange.consumer[:200]),
                }
            )
        return bool(self.started.keys() - known.keys())


def _line(value: object) -> bytes:
    return plain_json_line(msgspec.json.encode(value))
