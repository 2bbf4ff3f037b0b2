"""Sends the calls of a recorded run again: when each one is sent, and what a client reads of its answer.

Rule: the calls of a session are sent one after the other, in their recorded order. Sessions go side by side."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import NamedTuple

from aigw.core.dialect import Dialect
from aigw.core.env import Clock
from aigw.core.errors import UpstreamError
from aigw.core.headers import ID_HEADER
from aigw.core.model import Target
from aigw.core.upstream import Upstream
from aigw.dialects import paths
from aigw.dialects.table import dialect_for
from aigw.traffic.format.call import Begun, Headers, Sent
from aigw.traffic.format.folding import folded, read
from aigw.traffic.format.recording import Folded
from aigw.traffic.runs.client_calls import ClientCall, digest
from aigw.traffic.runs.outcome import Outcome, tokens_of

Send = Callable[[ClientCall], Awaitable[None]]


class Pace(NamedTuple):
    """When calls are sent. `speed` is how many times as fast as recorded calls are sent; 0 sends one after the other
    without a gap. Recordings have whole seconds."""

    clock: Clock
    sleep: Callable[[float], Awaitable[None]]
    speed: float = 0.0


async def resend(sessions: Iterable[Sequence[ClientCall]], send: Send, pace: Pace, *, concurrency: int) -> None:
    """Passes each call to `send` when it is due. At most `concurrency` sessions are under way at once. The first error
    of `send` ends all."""
    waiting = sorted(sessions, key=lambda calls: calls[0].at) if pace.speed else list(sessions)
    if not waiting:
        return
    start, began = min(calls[0].at for calls in waiting), pace.clock.monotonic()
    waiting.reverse()

    async def work() -> None:
        while waiting:
            for call in waiting.pop():
                if pace.speed and (left := began + (call.at - start) / pace.speed - pace.clock.monotonic()) > 0:
                    await pace.sleep(left)
                await send(call)

    try:
        async with asyncio.TaskGroup() as workers:
            for _ in range(min(concurrency, len(waiting))):
                workers.create_task(work())
    except ExceptionGroup as failed:
        raise failed.exceptions[0] from None


class Answer(NamedTuple):
    """The answer that a client got. `id` is the gateway's id of the request, "" if the server sent none."""

    outcome: Outcome
    id: str
    body: bytes


async def ask(upstream: Upstream, target: Target, sent: Sent, clock: Clock, *, service: str = "") -> Answer:
    """Sends a request as a client and reads its answer. Failures are told in the outcome."""
    began = clock.monotonic()
    status, broken = 0, ""
    headers: Headers = ()
    pieces: list[bytes] = []
    try:
        response = await upstream.send(sent.request(), target)
        status, headers = response.status, tuple(response.headers.items())
        try:
            async for piece in response.body:
                pieces.append(piece)  # noqa: PERF401  what came before a failure counts
        finally:
            await response.body.aclose()
    except UpstreamError as error:
        broken = str(error)
    ms = (clock.monotonic() - began) * 1000
    answer, model = _folded(sent, headers, pieces, service)
    if broken and not answer.error:
        answer = Folded(text=answer.text, calls=answer.calls, tokens=answer.tokens, error=broken)
    read = answer.text or answer.calls or answer.reasoning or answer.finish or answer.error
    body = b"".join(pieces)
    outcome = Outcome(
        status=status,
        answer=answer,
        ms=round(ms, 1),
        broken=bool(broken),
        digest="" if read else digest(body),
        service=service,
        model=model,
        tokens=tokens_of(answer.tokens),
    )
    return Answer(outcome, next((value for name, value in headers if name.lower() == ID_HEADER), ""), body)


def api_of(sent: Sent) -> tuple[str, Dialect]:
    """Returns the API of a client's request, "" if it has none, and its dialect."""
    try:
        path, api, _ = paths.read(sent.path)
    except ValueError:  # no server would know what is meant
        path, api = sent.path, ""
    return api, dialect_for(api, dict(sent.headers), path)


def _folded(sent: Sent, headers: Headers, pieces: list[bytes], service: str) -> tuple[Folded, str]:
    """Returns what an answer says, and the model that was asked."""
    api, dialect = api_of(sent)
    call = Begun(sent, None, "", api, dialect.name, dialect.name, service, "", "", "", "", 0, 0.0)
    return folded(read(call, headers, pieces)), dialect.asked(sent.request(), api).model
