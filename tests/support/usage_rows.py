"""Usage rows for the tests of their log, and a wait for its thread."""

import threading
import time
from dataclasses import dataclass

from aigw.books.usage_row import UsageRow
from aigw.core.retrieval import Retrieved
from aigw.core.tokens import Tokens

FULL = UsageRow(
    id="req-1",
    at=1_763_850_000.123456,
    route="llm",
    service="api.openai.com:443",
    provider="openai",
    api="chat",
    asked="gpt-4o",
    model="gpt-4o-2024-08-06 \N{CJK UNIFIED IDEOGRAPH-6A21}",
    consumer="ann",
    stream=True,
    status=200,
    outcome="aborted",
    error="client_left",
    tokens=Tokens(input=1, cache_read=2, cache_write=3, output=4, reasoning=0, source="estimated"),
    cost=0.1 + 0.2,
    attempts=2,
    cache="miss",
    gateway_ms=0.25,
    wait_ms=310.5,
    first_token_ms=321.0,
    total_ms=2000.75,
    retrieved=(Retrieved("docs/install.md#1", 0.8), Retrieved("docs/\N{CJK UNIFIED IDEOGRAPH-6A21}.md#2", 0.4321)),
)


def rows(count, *, start=0):
    return [UsageRow(id=f"{n}", at=1000.0 + n, route="llm", total_ms=n) for n in range(start, start + count)]


def until(condition, seconds=20):
    """Waits for another thread or process."""
    end = time.monotonic() + seconds
    pause = threading.Event()
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        pause.wait(0.01)


@dataclass
class Clock:
    now: float = 1000.0

    def __call__(self):
        return self.now
