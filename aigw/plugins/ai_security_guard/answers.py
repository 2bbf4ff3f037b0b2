"""Checks the texts of one answer, plain or streaming, and passes on what may pass."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Callable

from aigw.core.aside import aside
from aigw.core.dialect import Asked, Dialect
from aigw.core.model import Batch, Chunk
from aigw.core.pace import MANY
from aigw.dialects.answer_texts import as_read, unread
from aigw.plugins.ai_security_guard.arguments import leaves_of, with_leaves
from aigw.plugins.ai_security_guard.decision import PASS, Decision
from aigw.plugins.ai_security_guard.moderation import Check, Uncheckable
from aigw.plugins.ai_security_guard.windows import Window, Windows

Ending = Callable[[Decision], Batch]
"""Returns what a stream ends with whose text was denied."""
PassedOn = Callable[[Batch], None]
"""Takes what the client gets of a stream."""


class Answer:
    """Checks one answer. `size` and `overlap` are those of the windows of a stream, in characters. With `fail_closed`,
    a text that cannot be checked raises Uncheckable."""

    def __init__(
        self, dialect: Dialect, asked: Asked, check: Check, *, size: int, overlap: int, fail_closed: bool
    ) -> None:
        self._check = check
        self._fail_closed = fail_closed
        self._known: dict[str, Decision] = {}
        texts = lambda chunk: dialect.texts(chunk, asked) or unread(chunk)  # noqa: E731
        self._windows = Windows(texts, dialect.rewrite, size=size, overlap=overlap)

    async def plain(self, chunk: Chunk) -> tuple[Chunk, Decision]:
        """Returns the body that may pass, and the decision."""
        read = await aside(len(chunk.raw), as_read, chunk)
        self._windows.feed(read)
        self._windows.end()
        decision = await self._settle()
        if decision.kind == "deny":
            return chunk, decision
        (made,) = self._windows.released()
        return made, PASS if made is read else Decision("mask")

    async def stream(
        self, batches: AsyncIterator[Batch], passed_on: PassedOn, ending: Ending
    ) -> AsyncGenerator[Batch, None]:
        """Passes on the events of a stream, as soon as they may pass. If it breaks off, what is held and may pass still
        leaves before."""
        windows = self._windows
        failure: Exception | None = None
        source = batches.__aiter__()
        while True:
            try:
                await self._feed(await anext(source))
            except StopAsyncIteration:
                windows.end()
                break
            except Exception as error:  # noqa: BLE001 - raised again below
                failure = error
                windows.end()
                break
            decision = await self._settle()
            if released := windows.released():
                passed_on(released)
                yield released
            if decision.kind == "deny":
                yield ending(decision)
                return
        decision = await self._settle()
        if released := windows.released():
            passed_on(released)
            yield released
        if decision.kind == "deny":
            yield ending(decision)
        elif failure is not None:
            raise failure

    async def _feed(self, batch: Batch) -> None:
        for number, chunk in enumerate(batch):
            if number % MANY == MANY - 1:
                await self._check.give_way()
            self._windows.feed(as_read(chunk))

    async def _settle(self) -> Decision:
        """Checks all windows that are due. Returns the first decision to deny, else that they pass."""
        for window in self._windows.due():
            decision = self._known.get(window.text) or await self._window(window)
            if decision.kind == "deny":
                return decision
            if self._check.failed and self._fail_closed:
                raise Uncheckable(self._check.failed)
            if window.is_whole:  # such a text may come again: when it is done, and in the last event
                self._known[window.text] = decision
            self._windows.settle(window, decision.masked if decision.kind == "mask" else None, decision.pending)
        return PASS

    async def _window(self, window: Window) -> Decision:
        if window.is_call:
            return await of_call(self._check, window.text)
        return await self._check.text(window.text, goes_on=window.slot.open)


async def of_call(check: Check, arguments: str) -> Decision:
    """Decides about the arguments of a call. The strings in them are checked as separate texts."""
    leaves = leaves_of(arguments)
    if leaves is None:
        return await check.text(arguments)
    decision = await check.text("\n".join(leaves))
    if decision.kind != "mask":
        return decision
    each = [await check.text(leaf) for leaf in leaves]
    texts = [one.masked if one.kind == "mask" else leaf for one, leaf in zip(each, leaves, strict=True)]
    return Decision("mask", with_leaves(arguments, texts))
