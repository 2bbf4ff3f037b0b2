"""The gateway of a soak, in a process of its own: `python -m tests.soak.gateway FILE`. It prints its URL, and whenever it
is asked for it by a line on its stdin, what it holds: tasks by what they run, descriptors, blocks of Python's memory,
and KiB of memory without files that are mapped into it."""

from __future__ import annotations

import asyncio
import gc
import json
import logging
import sys
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import uvloop

from aigw.books.books import Books
from aigw.config.load import load
from aigw.server.gateway import run
from aigw.upstream.http import HttpUpstream

abandoned: Counter[str] = Counter()
"""Generators that nobody closed, so that the garbage collector had to."""


async def serve(file: Path) -> None:
    sys.set_asyncgen_hooks(finalizer=_closing(sys.get_asyncgen_hooks().finalizer))
    loaded = load(file, {})
    async with run(loaded, HttpUpstream(), books=Books(file.parent / loaded.config.state_dir)) as running:
        print(json.dumps({"url": running.url}), flush=True)
        while await asyncio.to_thread(sys.stdin.readline):
            print(json.dumps(held()), flush=True)


def held() -> dict[str, object]:
    gc.collect()
    coroutines = [task.get_coro() for task in asyncio.all_tasks()]
    tasks = Counter(getattr(each, "__qualname__", type(each).__name__) for each in coroutines)
    status = Path("/proc/self/status").read_text()
    return {
        "abandoned": dict(abandoned),
        "blocks": sys.getallocatedblocks(),
        "tasks": dict(sorted(tasks.items())),
        "descriptors": dict(Counter(filter(None, map(_target, Path("/proc/self/fd").iterdir())))),
        "memory": int(status.partition("RssAnon:")[2].split()[0]),
    }


def _closing(close: Callable[[Any], None]) -> Callable[[Any], None]:
    def finalizer(generator: Any) -> None:
        abandoned[generator.__qualname__] += 1
        close(generator)

    return finalizer


def _target(descriptor: Path) -> str:
    """What is open: a name of a file, or a kind. "" if it was this listing itself."""
    with suppress(FileNotFoundError):
        return descriptor.readlink().name.partition(":")[0]
    return ""


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO)
    uvloop.run(serve(Path(sys.argv[1])))
