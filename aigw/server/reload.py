"""Hot reload: it watches the configuration, the .env beside it and its files of words, and puts a valid change into
service.

It waits until the files have been still for a moment, so that it never reads a half-written one. An invalid change is
reported, and the old configuration stays."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

from aigw.config.load import Loaded
from aigw.core.errors import ConfigError
from aigw.core.secrets import without_password
from aigw.guard.settings import GuardSettings

log = logging.getLogger("aigw")

POLL_SECONDS = 0.3
STILL_SECONDS = 0.1

Take = Callable[[Loaded], Awaitable[None]]
Stamp = tuple[int, ...] | None


class Reloader:
    """Must be made before the first `load`, because it remembers what the files look like.

    `load` runs in a thread and raises ConfigError. `tell` is False for all workers but one, so that the user reads each
    message once."""

    def __init__(
        self,
        path: Path,
        load: Callable[[], Loaded],
        *,
        tell: bool = True,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._path = path
        self._load = load
        self._sleep = sleep
        self._good = logging.INFO if tell else logging.DEBUG
        self._bad = logging.WARNING if tell else logging.DEBUG
        self._files: tuple[Path, ...] = ()
        self._seen = self._look()
        self.before: Callable[[Loaded], None] = lambda new: None
        """Is called with each valid change before it is put into service."""

    @asynccontextmanager
    async def following(self, loaded: Loaded, take: Take) -> AsyncIterator[None]:
        """Gives every valid change of `loaded` to `take` while the block runs. If `take` raises, the old one stays."""
        task = asyncio.create_task(self._follow(loaded, take))
        try:
            yield
        finally:
            task.cancel()
            await asyncio.wait([task])

    async def _follow(self, loaded: Loaded, take: Take) -> None:
        started, refused = loaded, False
        while True:
            self._files = loaded.files
            await self._change()
            try:
                new = await asyncio.to_thread(self._load)
                if _contents(new) != _contents(loaded):
                    self.before(new)
                    await take(replace(new, state_dir=started.state_dir))
                    self._report(new, started)
                    loaded = new
                elif refused:
                    log.log(self._good, "%s is right again, and says what is in force", self._path)
                refused = False
            except ConfigError as error:
                refused = True
                told = "%s cannot be used; what was in force stays:" + "\n%s" * len(error.findings)
                log.log(self._bad, told, self._path, *error.findings)
            except Exception:
                refused = True
                log.exception("%s cannot be started; what was in force stays", self._path)

    async def _change(self) -> None:
        """Waits until the files have changed and are still."""
        while (now := self._look()) == self._seen:
            await self._sleep(POLL_SECONDS)
        while now != self._seen:
            self._seen = now
            await self._sleep(STILL_SECONDS)
            now = self._look()

    def _look(self) -> tuple[Stamp, ...]:
        return stamps(self._path, *self._files)

    def _report(self, new: Loaded, started: Loaded) -> None:
        log.log(self._good, "%s has changed: new requests follow it", self._path)
        for note in new.notes:
            log.log(self._good, "note: %s", note)
        for key, now, wanted in (
            ("listen", started.config.listen, new.config.listen),
            ("state_dir", started.config.state_dir, new.config.state_dir),
            ("cache", started.config.cache, new.config.cache),
            ("rag.store", without_password(started.config.rag.store), without_password(new.config.rag.store)),
            ("usage", without_password(started.config.usage), without_password(new.config.usage)),
        ):
            if now != wanted:
                log.log(self._bad, "%s: %s needs a restart; it stays %s until then", self._path, key, now)
        if new.config.record != started.config.record:
            log.log(self._bad, "%s: record needs a restart; it stays as it was until then", self._path)


def _contents(loaded: Loaded) -> tuple[str, GuardSettings]:
    """Returns the contents of the file in its order, because the order of some keys, such as patterns, matters; and the
    words in the files that it names."""
    return json.dumps(loaded.source.values), loaded.guard


def stamps(path: Path, *files: Path) -> tuple[Stamp, ...]:
    """Tells one state of a configuration from another: of its file, the .env beside it, and other files that it
    names."""
    return tuple(map(_stamp, (path, path.parent / ".env", *files)))


def _stamp(path: Path) -> Stamp:
    """Returns a value that differs for each version of a file, even if a new file has its name or the same time of
    change. None if there is no file."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns
