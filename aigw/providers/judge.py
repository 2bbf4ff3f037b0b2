"""Judges the beginning of an answer with status 200: it may have failed all the same.

Rule: the first event with content is the point of no return. What comes before it only opens an answer, and is held
back, so that another provider can answer instead, or the client can get an error with a status."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from operator import attrgetter

from aigw.core.answer import Reader
from aigw.core.aside import aside
from aigw.core.content_coding import Decoding, TooLargeError, is_known
from aigw.core.dialect import Dialect
from aigw.core.env import Clock
from aigw.core.errors import FailedAnswerError, UpstreamError, UpstreamFault
from aigw.core.exchange import Exchange
from aigw.core.model import Batch, Chunk, raw_of
from aigw.core.reply import Reply
from aigw.dialects.array_elements import ElementSplitter
from aigw.dialects.bodies import MEDIA, begins_events, is_coded, is_json
from aigw.dialects.failures import failure_in_event, failure_of, words_in
from aigw.dialects.openai_error import JSON
from aigw.dialects.reader import MAX_PLAIN
from aigw.dialects.sse import EventSplitter
from aigw.providers.failed_answer import failed, unusable, without_answer
from aigw.providers.judge_body import check_body

HOLD_SECONDS, HOLD_BYTES = 15.0, 64 * 1024
"""While another provider could be tried, what only opens an answer is held back for so many seconds, up to so many
bytes. Then it is sent to the client, and the provider is final. So are comments."""
LAST_SECONDS = 2.0
"""Like HOLD_SECONDS, if no other provider could be tried."""


error_of = attrgetter("error")


class Judge:
    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    async def status(self, exchange: Exchange, reply: Reply, *, others: bool) -> int:
        """Returns the status that the reply counts with. Raises UpstreamError if the client must not get it, which here
        is so for any failure. `others` is whether something else could be tried."""
        if reply.status != 200 and exchange.wire.repeatable and not 200 < reply.status < 300:
            raise FailedAnswerError(502, f"the provider answered {reply.status}, which is no answer")
        asked = exchange.expected
        if reply.streaming or asked.array or _is_coded_stream(exchange, reply):
            await self._check_stream(exchange, reply, others=others)
            if reply.plain:
                await self._check_plain(exchange, reply)
        elif reply.plain or (asked.metered and _is_read(exchange, reply)):
            await self._check_plain(exchange, reply)
            if not exchange.wire.repeatable:
                await check_body(exchange, reply)
        else:
            await check_body(exchange, reply)
        return reply.status

    async def _check_stream(self, exchange: Exchange, reply: Reply, *, others: bool) -> None:
        beginning = Beginning(exchange.wire, self._clock, of_events=reply.streaming)
        array = exchange.expected.array and not reply.streaming
        try:
            until = beginning if reply.streaming else _Decoded(beginning, reply.headers, array=array)
            head, more = await reply.first(until, HOLD_SECONDS if others else LAST_SECONDS)
        except UpstreamError as error:
            if not beginning.words:
                raise
            raise without_answer(exchange, str(error), beginning.words, error.answer()) from None
        event = beginning.event
        if event is not None and (told := failure_in_event(event)) is not None:
            raise failed(exchange, failure_of(told))
        if reply.streaming and raw_of(head)[:1] == b"{" and await _is_whole(exchange, head):
            await reply.aclose()
            reply.become(raw_of(head))
            reply.headers.popall("content-length", None)  # blanks may have come behind it
            reply.streaming, reply.plain, reply.headers["content-type"] = False, True, JSON
            return
        if event is not None and (array or (exchange.answer is not None and exchange.answer.error)):
            check_alone(exchange, event)
        over = exchange.wire.is_last((event,)) if event is not None else not more
        if over and not _is_answer(exchange.answer):
            raise without_answer(exchange, "the provider's stream ended without an answer", beginning.words)

    async def _check_plain(self, exchange: Exchange, reply: Reply) -> None:
        try:
            whole = await reply.whole(MAX_PLAIN)
        except (UpstreamError, asyncio.CancelledError):
            _read_part(exchange, reply)
            raise
        coded = not reply.plain and is_coded(reply.headers)
        if reply.plain:
            feed(exchange, whole)
        answer = exchange.answer
        if whole is None or answer is None:
            return
        size = max(len(whole.raw), answer.size)  # it may be coded
        if await aside(size, error_of, answer):  # reads the body, so that later questions need not
            raise failed(exchange)
        if _is_answer(answer) or (coded and not is_known(reply.headers["content-encoding"])):
            return
        error = unusable(exchange, reply, whole.raw)
        if not coded and whole.raw.lstrip()[:1] == b"<":
            exchange.answer = exchange.wire.reader(exchange.expected, streaming=False, provider=exchange.provider)
        raise error


def _is_read(exchange: Exchange, reply: Reply) -> bool:
    """Whether the body is JSON, or should be. The bodies of other APIs may be anything."""
    if is_json(exchange.expected, reply.headers):
        return True
    kind = reply.headers.get("content-type", "").lower()
    return exchange.wire.repeatable and not kind.startswith(("text/event-stream", *MEDIA))


def _is_coded_stream(exchange: Exchange, reply: Reply) -> bool:
    """Whether the body is a stream with a content coding that can be undone: its bytes pass as they come."""
    if reply.plain or not exchange.wire.repeatable or not is_coded(reply.headers):
        return False
    is_stream = reply.headers.get("content-type", "").lower().startswith("text/event-stream")
    return is_stream and is_known(reply.headers["content-encoding"])


async def _is_whole(exchange: Exchange, head: Batch) -> bool:
    """Whether what came as a stream is a whole answer in JSON, as some proxies send it, of which clients of streams
    could read nothing. Then there is a reader for it."""
    raw = raw_of(head)
    plain = exchange.wire.reader(exchange.expected, streaming=False, provider=exchange.provider)
    answer = exchange.answer
    if answer is None or (answer.usable and answer.ended):
        return False
    if not await aside(len(raw), _finds, plain, raw) or not (plain.complete or not answer.usable):
        return False
    exchange.answer = exchange.wire.reader(exchange.expected, streaming=False, provider=exchange.provider)
    return True


def _finds(plain: Reader, raw: bytes) -> bool:
    plain.feed((Chunk(raw, raw),))
    return plain.usable and not plain.error


class Beginning:
    """Looks for the first event that does more than open the answer: one with content, an error or an end."""

    def __init__(self, dialect: Dialect, clock: Clock, *, of_events: bool = True) -> None:
        self.event: Chunk | None = None
        """The event, None as well if it certainly has content."""
        self.words = ""
        """The last words in an event that is neither content nor a known error."""
        self._dialect = dialect
        self._of_events = of_events
        self._clock = clock
        self._until = 0.0
        self._bytes = 0

    def __call__(self, batch: Batch) -> bool:
        """Whether the batch ends the search, because it has such an event or because too much is held back."""
        raw = raw_of(batch)
        if self._dialect.speaks(raw):
            return True
        if self._of_events and raw[:1] == b"{":
            self.event = batch[0]  # no event begins so
            return True
        for chunk in batch:
            if chunk.data is not None and not self._dialect.opens(chunk):
                self.event = chunk
                return True
            self.words = words_in(chunk) or self.words
        now = self._clock.monotonic()
        self._until = self._until or now + HOLD_SECONDS
        self._bytes += sum(len(chunk.raw) for chunk in batch)
        return self._bytes > HOLD_BYTES or now > self._until


class _Decoded:
    """Shows the events in a coded body, or the elements of an array, to a `Beginning`."""

    def __init__(self, beginning: Beginning, headers: Mapping[str, str], *, array: bool) -> None:
        coding = headers.get("content-encoding", "")
        self._beginning = beginning
        self._decoding = Decoding(coding, MAX_PLAIN) if is_known(coding) else None
        self._splitter = ElementSplitter() if array else EventSplitter()
        self._size = 0

    def __call__(self, batch: Batch) -> bool:
        """Like `Beginning`, for a body with a content coding. Raises UpstreamError if the coding is corrupt. A body of
        an unknown coding, or one that is too large, is not held back, because it cannot be judged."""
        if self._decoding is None:
            return True
        try:
            data = self._decoding.feed(raw_of(batch))
        except TooLargeError:
            return True
        except ValueError as error:
            raise UpstreamError(UpstreamFault.PROTOCOL, f"the provider's answer cannot be decoded: {error}") from None
        self._size += len(data)
        try:
            return self._beginning(self._splitter.feed(data)) or self._size > HOLD_BYTES
        except ValueError:
            return True


def feed(exchange: Exchange, whole: Chunk | None) -> None:
    """Lets the reader of the answer see a plain body, which may consist of events all the same. None: it is too large
    to be read."""
    assert exchange.answer is not None
    if whole is None:
        exchange.answer.pass_over(MAX_PLAIN)
    elif whole.raw[:1] != b"{" and begins_events(whole.raw):
        answer = exchange.wire.reader(exchange.expected, streaming=True, provider=exchange.provider)
        answer.secrets, exchange.answer = exchange.answer.secrets, answer
        answer.feed(EventSplitter().feed(whole.raw + b"\n\n"))
    else:
        exchange.answer.feed((whole,))


def _read_part(exchange: Exchange, reply: Reply) -> None:
    """Lets the reader of the answer see what had arrived of a plain body, so that it is not free, unless somebody
    watched it: then it was seen."""
    answer = exchange.answer
    if reply.plain and reply.arrived and answer is not None and not answer.size:
        answer.feed((Chunk(reply.arrived, reply.arrived),))
        answer.cut()


def check_alone(exchange: Exchange, event: Chunk) -> None:
    """Raises UpstreamError if this event reports an error. It is read alone, because an error in a later event does
    not count."""
    alone = exchange.wire.reader(exchange.expected, streaming=True)
    alone.feed((event,))
    if alone.error:
        raise failed(exchange)


def _is_answer(answer: Reader | None) -> bool:
    """Whether an answer that is whole has something in it for clients."""
    return answer is not None and not answer.error and answer.usable and (answer.ended or not answer.streaming)
