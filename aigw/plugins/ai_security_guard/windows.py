"""Holds the pieces of an answer back until their texts were checked. Sans-io.

Texts are checked in windows. The end of a window stays held and is checked again at the beginning of the next one, so
that what must not pass is in one window as a whole wherever a provider cuts its text, as long as it has no more than
`overlap` characters. Less is held if who checks knows that less may go on. Pieces leave in their order. The arguments
of a call leave when the call is whole, because no client can use them before. A text that something else interrupts has
left by then; where it goes on, its end is checked again with what follows.

Rule: nothing leaves before it was checked, and nothing is checked twice that was passed as it is."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence

from aigw.core.answer import AnswerText
from aigw.core.model import Chunk

MOST_HELD = 8192
"""How many characters are held back for a finding whose end is not there yet, such as a private key."""
MOST_OF_A_CALL = 1 << 20
"""The arguments of a longer call are checked and leave in windows, like a text."""

Texts = Callable[[Chunk], Sequence[AnswerText]]
Rewrite = Callable[[Chunk, Sequence[tuple[AnswerText, str]]], Chunk]


class _Part:
    """A text of a held piece. `text` is what will leave."""

    __slots__ = ("cleared", "place", "text")

    def __init__(self, place: AnswerText) -> None:
        self.place = place
        self.text = place.text
        self.cleared = False


class _Slot:
    """A text that arrives in pieces: the parts that were not cleared yet. `before` is the end of the text that it goes
    on from, which has left. `fresh` is how many characters came since it was last checked. `open` is true as long as
    more may come."""

    __slots__ = ("before", "fresh", "kind", "open", "parts", "settled", "whole")

    def __init__(self, place: AnswerText, before: str = "") -> None:
        self.parts: list[_Part] = []
        self.before = before
        self.fresh = 0
        self.settled = True
        self.whole = not place.slot
        self.open = not self.whole
        self.kind = place.kind

    @property
    def text(self) -> str:
        return self.before + "".join([part.text for part in self.parts])


class Window:
    """A text to be checked. `is_whole` says that it does not come in pieces, `is_call` that it is the JSON of a call's
    arguments, of which each string is a text of its own."""

    __slots__ = ("is_call", "is_whole", "slot", "text")

    def __init__(self, slot: _Slot) -> None:
        self.slot = slot
        self.text = slot.text
        self.is_whole = slot.whole
        self.is_call = slot.kind == "call"


class Windows:
    def __init__(self, texts: Texts, rewrite: Rewrite, *, size: int, overlap: int) -> None:
        self._texts = texts
        self._rewrite = rewrite
        self._size = size
        self._overlap = overlap
        self._held: deque[tuple[Chunk, list[_Part]]] = deque()
        self._slots: dict[tuple[int, str], _Slot] = {}
        self._left: dict[tuple[int, str], str] = {}
        self._due: deque[_Slot] = deque()

    def feed(self, chunk: Chunk) -> None:
        """Takes the next piece of the answer."""
        parts = []
        for place in self._texts(chunk):
            part = _Part(place)
            parts.append(part)
            slot = self._slot_of(place)
            slot.parts.append(part)
            slot.fresh += len(place.text)
            slot.settled = False
        self._held.append((chunk, parts))

    def end(self) -> None:
        """Says that no more pieces come."""
        for key in list(self._slots):
            self._close(key)

    def due(self) -> Iterator[Window]:
        """The texts that are to be checked now. `settle` each before the next is taken."""
        while self._due:
            slot = self._due.popleft()
            if slot.parts and not slot.settled:
                yield Window(slot)
        for slot in list(self._slots.values()):
            if slot.fresh >= self._limit(slot):
                yield Window(slot)

    def settle(self, window: Window, masked: str | None = None, pending: int | None = None) -> None:
        """Lets a checked window pass, replaced by `masked` if there is one. `pending` is how many characters at its end
        may be the beginning of a finding, None if that is not known."""
        slot, text = window.slot, window.text
        before = len(slot.before)
        overlap = self._overlap if pending is None else min(pending, self._overlap)
        slot.fresh = 0
        free = len(text)
        if masked is not None and masked != text:
            ahead, behind = common(text, masked)
            if slot.open and behind < overlap and len(text) < MOST_HELD:
                # It may go on: what is to be masked stays as it is, and is checked again with what follows.
                self._clear(slot, ahead - before)
                return
            if before < len(text) - behind:
                _replace(slot.parts, ahead - before, len(text) - behind - before, masked[ahead : len(masked) - behind])
            free = before + sum([len(part.text) for part in slot.parts])
        slot.settled = True
        self._clear(slot, (free - overlap if slot.open else free) - before)

    def released(self) -> list[Chunk]:
        """The pieces that may leave now."""
        out = []
        while self._held and all(part.cleared for part in self._held[0][1]):
            chunk, parts = self._held.popleft()
            changed = [(part.place, part.text) for part in parts if part.text != part.place.text]
            out.append(self._rewrite(chunk, changed) if changed else chunk)
        return out

    def _slot_of(self, place: AnswerText) -> _Slot:
        if not place.slot:
            for key in [key for key in self._slots if key[0] == place.choice]:
                self._close(key)
            slot = _Slot(place)
            self._due.append(slot)
            return slot
        key = (place.choice, place.slot)
        if key not in self._slots:
            for other, slot in list(self._slots.items()):
                if other[0] == place.choice and not place.kind == slot.kind == "call":  # calls may arrive side by side
                    self._close(other)
            self._slots[key] = _Slot(place, self._left.get(_thread(key, place.kind), ""))
        return self._slots[key]

    def _close(self, key: tuple[int, str]) -> None:
        slot = self._slots.pop(key)
        slot.open = False
        most = MOST_OF_A_CALL if slot.kind == "call" else self._overlap
        self._left[_thread(key, slot.kind)] = slot.text[-most:] if most else ""
        if slot.settled:
            for part in slot.parts:
                part.cleared = True
        else:
            self._due.append(slot)

    def _limit(self, slot: _Slot) -> int:
        return MOST_OF_A_CALL if slot.kind == "call" else self._size

    def _clear(self, slot: _Slot, free: int) -> None:
        """Lets the parts go that are wholly in the first `free` characters."""
        at = count = 0
        for part in slot.parts:
            at += len(part.text)
            if at > free:
                break
            part.cleared = True
            count += 1
        del slot.parts[:count]


def _thread(key: tuple[int, str], kind: str) -> tuple[int, str]:
    """Returns the key under which pieces of an interrupted text belong together: a call's own, and for other texts the
    kind, because clients show texts of one kind one behind the other."""
    return key if kind == "call" else (key[0], kind)


def common(one: str, other: str) -> tuple[int, int]:
    """Returns how many characters two different texts have in common at the beginning, and at the end of the rest."""
    most = min(len(one), len(other))
    ahead = _most(most, lambda low, high: one[low:high] == other[low:high])
    one, other = one[len(one) - most + ahead :], other[len(other) - most + ahead :]
    most = len(one)
    return ahead, _most(most, lambda low, high: one[most - high : most - low] == other[most - high : most - low])


def _most(limit: int, same: Callable[[int, int], bool]) -> int:
    """The number up to which two texts are the same; `same` compares a part of them."""
    low = 0
    while low < limit:
        middle = (low + limit + 1) // 2
        low, limit = (middle, limit) if same(low, middle) else (low, middle - 1)
    return low


def _replace(parts: Sequence[_Part], start: int, end: int, text: str) -> None:
    """Puts `text` in the place of the characters from `start` to `end`: into the part in which they begin."""
    at = 0
    for part in parts:
        first, last = at, at + len(part.text)
        begin, finish = (min(max(position, first), last) - first for position in (start, end))
        here = text if start < last or part is parts[-1] else ""
        part.text = part.text[:begin] + here + part.text[finish:]
        text = "" if here else text
        at = last
