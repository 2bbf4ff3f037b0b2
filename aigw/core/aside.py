"""Work on large things, which must not hold up other requests.

Rule: work that may take more than a few milliseconds, because a body or an answer is larger than LARGE, goes through
`aside`. It runs in a thread, one job after another. Only one thread of a Python process runs at a time, so a job must
give way to the event loop: it calls `rest` after each slice of its input, and gives no single call of C code more than
a slice. Outside of this thread `rest` does nothing.

So a small request waits for a slice or two, not for the whole job. If the loop did the same work in slices, a small
request would wait at each of its dozen steps. It would wait as often for a thread without rests, because the system
does not switch between threads at once."""

from __future__ import annotations

import asyncio
import gc
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from functools import partial
from typing import ParamSpec, TypeVar

from aigw.core.pace import LARGE, begin

SWITCH_SECONDS = 0.0005
"""How long a job may keep Python's lock at most, also between rests. With Python's own 5 ms it would hold up a small
request for tens of milliseconds. The value is set only while a job runs, because otherwise every request takes a tenth
more processor time."""

_P = ParamSpec("_P")
_T = TypeVar("_T")
_thread = ThreadPoolExecutor(1, "large")  # it starts with the first job


async def aside(size: int, job: Callable[_P, _T], *args: _P.args, **kwargs: _P.kwargs) -> _T:
    """Returns the result of a job on something of `size` bytes. Nobody else may use the same objects meanwhile. So a
    caller that is cancelled still waits until the job has ended."""
    if size <= LARGE:
        return job(*args, **kwargs)
    submitted = _thread.submit(copy_context().run, partial(_paced, partial(job, *args, **kwargs)))
    running = asyncio.wrap_future(submitted)
    cancelled: asyncio.CancelledError | None = None
    while not running.done():
        try:
            await asyncio.wait((running,))
        except asyncio.CancelledError as error:
            submitted.cancel()  # a job that has not begun never begins
            cancelled = error
    if cancelled is None:
        return running.result()
    if not running.cancelled():
        running.exception()  # nobody needs to know it any more
    raise cancelled


def _paced(job: Callable[[], _T]) -> _T:
    usual, collects = sys.getswitchinterval(), gc.isenabled()
    sys.setswitchinterval(SWITCH_SECONDS)
    gc.disable()  # to look at 100,000 objects of a job takes 10 ms, in which nothing else runs
    begin()
    try:
        return job()
    finally:
        sys.setswitchinterval(usual)
        if collects:
            gc.enable()
