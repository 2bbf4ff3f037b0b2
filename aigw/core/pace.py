"""The pace of a job on something large, which gives way to others after each slice of its work (`core.aside`)."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Iterator
from typing import Any, TypeVar

LARGE = 256 * 1024
"""Bytes. To read a JSON text of this size takes about 1 ms."""
SLICE_SECONDS, REST_SECONDS = 0.0005, 0.0003
"""After so long a job rests for so long. With twice as much of both, small requests wait as long, and the job takes a
sixth longer."""
MANY = 64
"""How many small elements are handled without a rest."""

_T = TypeVar("_T")


class _Pace(threading.local):
    """When the job of this thread has to rest."""

    until = float("inf")


_pace = _Pace()


def begin() -> None:
    """Makes `rest` rest in this thread from now on."""
    _pace.until = time.perf_counter() + SLICE_SECONDS


def rests() -> bool:
    """Whether this is a job that gives way to others."""
    return _pace.until != float("inf")


def rest() -> None:
    """Lets the loop have its turn, if this is a job that has worked for long enough."""
    if time.perf_counter() > _pace.until:
        time.sleep(REST_SECONDS)
        _pace.until = time.perf_counter() + SLICE_SECONDS


def let_go(elements: list[Any]) -> None:
    """Frees the elements of a list that nobody else has: to free 100,000 objects at once takes 15 ms."""
    while elements:
        del elements[-MANY:]
        rest()


def resting(elements: Iterable[_T]) -> Iterator[_T]:
    """Yields the elements of something long, with rests in between."""
    for number, each in enumerate(elements):
        if not number % MANY:
            rest()
        yield each
