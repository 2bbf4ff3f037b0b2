"""Jobs that go on behind an answer, and whose outcome the next request needs."""

from __future__ import annotations

import asyncio
from collections.abc import Callable


class Pending:
    """The jobs, by a key. Nobody waits for one longer than `patience` seconds."""

    def __init__(self, patience: float) -> None:
        self._patience = patience
        self._jobs: dict[str, set[asyncio.Future[None]]] = {}

    def begin(self, key: str) -> Callable[[], None]:
        """Notes that a job begins. Returns what must be called at its end, also if it fails."""
        job = asyncio.get_running_loop().create_future()
        self._jobs.setdefault(key, set()).add(job)

        def end() -> None:
            job.set_result(None)
            self._jobs[key].discard(job)
            if not self._jobs[key]:
                del self._jobs[key]

        return end

    async def wait(self, key: str) -> None:
        """Returns when the jobs of this key that have begun are over, or when that takes too long."""
        if jobs := self._jobs.get(key):
            await asyncio.wait(list(jobs), timeout=self._patience)
