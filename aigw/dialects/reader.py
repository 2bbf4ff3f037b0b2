"""The common parts of the readers of all dialects: they choose which bytes are decoded and kept, and read the usage.

Rule: an event is decoded at once if its bytes contain one of the marks of the dialect. Other events are kept, and only
decoded if the text is needed. A plain body is decoded at the first question, and only once.

An event of an unknown shape says nothing of an end or a failure, and the client gets it as it came. If it is a JSON
object (a ping, the progress of a tool), it counts nothing; if it is anything else (a text, an array), it counts by its
size, because it may be a piece of the answer. No plain answer that is made of a stream has anything of it."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from itertools import chain, islice
from typing import Any, ClassVar

from aigw.core.answer import Failure, Finish, ToolCall
from aigw.core.model import Batch, Chunk, raw_of
from aigw.core.pace import LARGE, resting
from aigw.core.redaction import LONG, long_ones, may_escape, occurs
from aigw.core.tokens import Tokens
from aigw.dialects.failures import failure_of, message_of
from aigw.dialects.json_end import closed
from aigw.dialects.json_values import decoded
from aigw.dialects.sse import hide
from aigw.dialects.usage import UsageReader, mentions_usage
from aigw.higress.log_fields import chat_id

KEPT_BYTES = 1024 * 1024
"""How many bytes of a stream are kept. The tokens of the rest are estimated from its size."""
MAX_PLAIN = 100 * 1024 * 1024
"""The largest plain body, in bytes, that is kept and read. Higress has the same limit."""
BYTES_PER_TOKEN = 4
"""How many bytes of text count as a token where tokens are only estimated."""
MOST_TELLING = 64
"""How many of the last events with usage, an end or an error are kept. A normal stream has fewer."""
CUT = frozenset[Finish](("length", "content_filter", "error"))
"""The ends of which the answer has not all that the model would have said."""
NAMED_SOON = 16
"""A stream that names its model does so in its first events, up to this number."""

Json = dict[str, Any]


class AnswerReader:
    """A `core.answer.Reader`. The subclass of a dialect defines the marks, and reads values from decoded events and
    bodies."""

    MARKS: ClassVar[tuple[bytes, ...]] = ()
    """An event with an end or an error contains one of these. Events with usage are found without marks."""
    CALL_MARK: ClassVar[bytes] = b'"arguments"'
    """An answer with the arguments of a call as JSON in a text contains this."""

    __slots__ = (
        "_calls", "_choices", "_error", "_failure", "_finish", "_finished", "_free", "_garbled", "_gathered", "_kept",
        "_kept_size", "_passed", "_reasoning", "_room", "_text", "_undecoded", "_usage", "estimated",
        "provider", "secrets", "size", "streaming", "telling",
    )  # fmt: skip

    def __init__(self, choices: int = 1, *, streaming: bool, provider: str = "") -> None:
        """`choices` is how many answers the request asks for."""
        self.provider = provider
        self.size = 0
        self.estimated: tuple[int, Tokens] | None = None
        self.secrets: Sequence[bytes] = ()
        self.streaming = streaming
        self._undecoded = not streaming  # whether a plain body, or in `cumulative` events, must still be decoded
        self._kept: list[Batch] = []
        self._kept_size = 0
        self._room = KEPT_BYTES if streaming else MAX_PLAIN  # 0 once something did not fit: what is kept has no hole
        self._usage = UsageReader()
        self._choices = choices
        self._finished: dict[int, Finish] = {}
        """The choices that have ended, and why, where the dialect has choices."""
        self._finish: Finish = ""
        self._error = ""
        self._failure: Any = None
        """The provider's error."""
        self._gathered = 0
        self._garbled = 0
        """The size of the events, or of the plain body, that are no JSON object."""
        self._passed = 0
        """The size of what was passed over without being fed."""
        self._text: dict[int, list[str]] = {}
        """The pieces of each choice."""
        self._reasoning: dict[int, list[str]] = {}
        self._calls: dict[Any, list[str]] = {}
        self._free: set[Any] = set()
        """The calls whose arguments are any text."""
        self.telling: deque[Chunk] = deque(maxlen=MOST_TELLING)

    # What a dialect knows

    def take_event(self, body: Json) -> None:
        """Reads usage, end and error from an event with a mark."""
        raise NotImplementedError

    def take_body(self, body: Json) -> None:
        """Reads usage, end and error from a whole plain body."""
        raise NotImplementedError

    def gather(self, body: Json) -> None:
        """Passes the texts of an event, or of a plain body, to the methods `add_...`."""
        raise NotImplementedError

    def add_text(self, text: Any, choice: int = 0) -> None:
        if isinstance(text, str) and text:
            self._text.setdefault(choice, []).append(text)

    def add_reasoning(self, text: Any, choice: int = 0) -> None:
        if isinstance(text, str) and text:
            self._reasoning.setdefault(choice, []).append(text)

    def add_call(
        self, key: Any, *, name: Any = None, arguments: Any = None, id: Any = None, free: bool = False
    ) -> None:
        """Adds a call, or a piece of one. Pieces with the same key belong to one call, and their arguments are
        joined. `free`: they are any text, and not JSON."""
        if free:
            self._free.add(key)
        call = self._calls.setdefault(key, ["", "", ""])
        for place, piece in enumerate((name, arguments, id)):
            if isinstance(piece, str):
                call[place] = call[place] + piece if place == 1 else piece or call[place]

    def fail(self, error: Any) -> None:
        """Notes a failure that the provider reports, in any format."""
        self._failure = error
        self._error = message_of(error)

    # Reading

    def feed(self, batch: Batch) -> None:
        raw = raw_of(batch)
        size = len(raw)
        self.size += size
        if self._kept_size + size <= self._room:
            self._kept_size += size
            self._kept.append(batch)
        else:
            self._room = 0
        if self.streaming:
            for secret in self.secrets:
                if len(secret) >= LONG and occurs(raw, secret):
                    for chunk in batch:
                        hide(batch, chunk, (secret,))
            if self.secrets and may_escape(raw):
                for chunk in batch:
                    hide(batch, chunk, long_ones(self.secrets))
            for chunk in self.telling_of(batch, raw):
                hide(batch, chunk, self.secrets)
                if isinstance(body := chunk.json(), dict):
                    self.telling.append(chunk)
                    self.take_event(body)

    def keep_all(self) -> None:
        self._room = MAX_PLAIN

    def telling_of(self, batch: Batch, raw: bytes) -> Sequence[Chunk]:
        """Returns the events of a batch for which `tells` is true. `raw` are the bytes of the batch. A large event is
        decoded once instead of being searched for each mark."""
        if len(raw) > LARGE:
            return [chunk for chunk in resting(batch) if len(chunk.raw) > LARGE or self.tells(chunk.raw)]
        if not self.tells(raw):
            return ()
        return batch if len(batch) == 1 else [chunk for chunk in batch if self.tells(chunk.raw)]

    def pass_over(self, size: int) -> None:
        self.size += size
        self._passed += size

    def tells(self, raw: bytes) -> bool:
        """Whether the bytes of one or more events may contain usage, an end or an error."""
        for mark in self.MARKS:
            if mark in raw:
                return True
        return mentions_usage(raw)

    def _read(self) -> None:
        """Decodes a plain body, if that was not done yet. Properties that are read often check this themselves: a call
        that does nothing costs time as well."""
        if self._undecoded:
            self._undecoded = False
            if isinstance(body := self._whole().json(), dict):
                self.take_body(body)

    def _whole(self) -> Chunk:
        """Returns the plain body as one chunk, an empty one if the body was too large to be kept."""
        if len(self._kept) == 1 and len(self._kept[0]) == 1 and self._kept[0][0].data is not None:
            return self._kept[0][0]
        data = b"".join([raw_of(batch) for batch in self._kept]) if self._kept_size == self.size else b""
        whole = Chunk(data, data)
        self._kept = [(whole,)]
        return whole

    def _gather(self) -> None:
        """Decodes the events that were kept since the last call."""
        self._read()
        if self.streaming:
            fresh, self._gathered = self._kept[self._gathered :], len(self._kept)
            chunks: Iterator[Chunk] = (chunk for batch in fresh for chunk in batch)
        elif self._gathered:
            return
        else:
            self._gathered = 1
            chunks = iter((self._whole(),))
        for chunk in chunks:
            if isinstance(body := chunk.json(), dict):
                self.gather(body)
            elif chunk.data and chunk.data != b"[DONE]":
                self._garbled += len(chunk.raw)

    # What a reader answers

    @property
    def text(self) -> str:
        self._gather()
        return "".join(_pieces(self._text))

    @property
    def reasoning(self) -> str:
        self._gather()
        return "".join(_pieces(self._reasoning))

    @property
    def calls(self) -> Sequence[ToolCall]:
        self._gather()
        return [ToolCall(*call) for call in self._calls.values()]

    @property
    def share(self) -> float:
        kept, size = self._kept_size, self.size - self._passed
        return size / kept if kept and size > kept else 1.0

    @property
    def unread(self) -> int:
        self._gather()
        dropped = 0 if self._kept_size else self.size - self._passed
        return self._passed + self._garbled + dropped

    @property
    def output_so_far(self) -> int:
        if not self.streaming:
            return self._plain_so_far()
        self._gather()
        return max(int(self._made() * self.share) + self.unread // BYTES_PER_TOKEN, self.tokens.output or 0)

    def _made(self) -> int:
        """About how many tokens the gathered texts have. An event seldom has less than one."""
        pieces = [*_pieces(self._text), *_pieces(self._reasoning)]
        called = "".join([call[0] + call[1] for call in self._calls.values()])
        size = sum(len(piece.encode("utf-8", "surrogatepass")) for piece in (*pieces, called))
        return max(size // BYTES_PER_TOKEN, len(pieces))

    def _plain_so_far(self) -> int:
        """Returns `output_so_far` of a plain body that may still be incomplete. Another reader reads what has
        arrived."""
        data = b"".join([raw_of(batch) for batch in self._kept])
        passed = self._passed // BYTES_PER_TOKEN
        if data.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] not in (b"{", b"["):
            return passed + len(data) // BYTES_PER_TOKEN
        body = _readable(data).json()
        twin = type(self)(streaming=False, provider=self.provider)
        for each in body if isinstance(body, list) else (body,):
            if isinstance(each, dict):
                twin.gather(each)
        return passed + int(twin._made() * self.share)

    def cut(self) -> None:
        """Ends a plain body that is not whole. What has arrived of it can be read then."""
        self._kept = [(_readable(b"".join([raw_of(batch) for batch in self._kept])),)]
        self._undecoded = True

    @property
    def tokens(self) -> Tokens:
        if self._undecoded:
            self._read()
        return self._usage.tokens

    @property
    def usage(self) -> UsageReader:
        if self._undecoded:
            self._read()
        return self._usage

    @property
    def model(self) -> str:
        """Read from the events with usage, or else from the first events."""
        if self._undecoded:
            self._read()
        if not self._usage.model and self.streaming:
            self._usage.model = self._named()
        return self._usage.model

    def _named(self) -> str:
        """Returns the name of the model in the first events, "" if there is none. Their usage is ignored, because it is
        out of date by now."""
        first = UsageReader()
        for chunk in islice(self._chunks(), NAMED_SOON):
            if first.model:
                break
            first.take(chunk.json())
        return first.model

    @property
    def id(self) -> str | None:
        """Read from the events with usage or an end, or else from the first events."""
        first = islice(self._chunks(), NAMED_SOON) if self.streaming else (self._whole(),)
        for event in chain(self.telling, first):
            if (found := chat_id(event.json())) is not None:
                return found
        return None

    @property
    def finish(self) -> Finish:
        if self._undecoded:
            self._read()
        return self._finish

    @property
    def error(self) -> str:
        if self._undecoded:
            self._read()
        return self._error

    @property
    def failure(self) -> Failure | None:
        return failure_of(self._failure or self._error) if self.error else None

    @property
    def usable(self) -> bool:
        """The default for dialects: the body is JSON and not empty, or the stream had an event with data."""
        return any(chunk.data for chunk in self._chunks()) if self.streaming else bool(self._whole().json())

    def _chunks(self) -> Iterator[Chunk]:
        return (chunk for batch in self._kept for chunk in batch)

    @property
    def ended(self) -> bool:
        """The default for dialects: each choice has ended."""
        return self.complete or len(self._finished) >= self._choices

    @property
    def complete(self) -> bool:
        """The default for dialects: each choice has ended, and there was no error."""
        self._read()
        return len(self._finished) >= self._choices and not self._error

    @property
    def repeatable(self) -> bool:
        """The default for dialects: the answer is complete, no choice was cut short, and the arguments of each call are
        JSON."""
        return self.complete and CUT.isdisjoint((self._finish, *self._finished.values())) and self._has_whole_calls()

    def _has_whole_calls(self) -> bool:
        if not any(self.CALL_MARK in raw_of(batch) for batch in self._kept):
            return True
        self._gather()
        return self.share == 1.0 and all(
            key in self._free or _is_json(arguments) for key, (_, arguments, _) in self._calls.items()
        )


def _pieces(by_choice: dict[int, list[str]]) -> list[str]:
    """Returns the pieces of one choice after those of another."""
    return [piece for pieces in by_choice.values() for piece in pieces]


def _is_json(text: str) -> bool:
    try:
        decoded(text.encode("utf-8", "surrogatepass"))
    except ValueError:
        return False
    return True


def _readable(data: bytes) -> Chunk:
    """Completes a JSON text that may be cut off, so that it can be decoded. Returns it unchanged if that is not
    possible."""
    tried = [Chunk(data, each) for each in closed(data)]
    return next((chunk for chunk in tried if chunk.json() is not None), tried[0])
