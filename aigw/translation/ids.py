"""The ids of calls. A client must see an id once in a conversation, whatever the provider calls its calls: Claude Code
drops a call whose id it knows, and asks again for ever. A provider gets its own id back.

Rule: no table is kept. An id that the client must not see travels inside one of ours, from which it is read again; an
id that a provider refuses is replaced by one that depends only on it and on its place, so that a conversation is
written with the same bytes in each turn."""

from __future__ import annotations

import re
from base64 import b32encode, urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Iterable, Sequence
from hashlib import blake2b

import msgspec

from aigw.core.pace import resting
from aigw.translation.hub import Call, Message, Part, Result

LONGEST = 64
"""The longest id that OpenAI accepts."""
_FIT = re.compile(r"[a-zA-Z0-9_-]{1,64}\Z")
_NINE = re.compile(r"[a-zA-Z0-9]{9}\Z")
_OURS = re.compile(r"call_aigw(\d{1,9})_([a-zA-Z0-9_-]*)\Z")


def fits_all(id: str) -> bool:
    """Whether each of the formats takes an id."""
    return _FIT.match(id) is not None


def is_made_here(id: str) -> bool:
    """Whether an id is not the provider's own."""
    return _OURS.match(id) is not None


class FreshIds:
    """Gives each call of an answer an id that the conversation does not have yet."""

    def __init__(self, messages: Iterable[Message]) -> None:
        ids = [part.id for message in resting(messages) for part in message.parts if isinstance(part, Call)]
        self._seen = set(ids)
        self._number = len(ids)

    def fresh(self, id: str) -> str:
        """Returns the id, or one of ours with this one inside."""
        self._number += 1
        if not fits_all(id) or id in self._seen or _OURS.match(id):
            id = _wrapped(id, self._number)
        self._seen.add(id)
        return id


def _wrapped(id: str, number: int) -> str:
    inner = urlsafe_b64encode(id.encode("utf-8", "surrogatepass")).decode().rstrip("=")
    whole = f"call_aigw{number}_{inner}"
    return whole if len(whole) <= LONGEST else f"call_aigw{number}_{_short(id)}"


def unwrapped(messages: Iterable[Message]) -> tuple[Message, ...]:
    """Returns the messages with the ids that the provider gave."""
    return tuple(_with_ids(message, lambda part, place: _inner(part.id), 0) for message in resting(messages))


def _inner(id: str) -> str:
    """Returns the id that travels inside one of ours; any other id is returned as it is, also a short form."""
    found = _OURS.match(id)
    if found is None or not found[2]:
        return id
    try:
        inner = urlsafe_b64decode(found[2] + "=" * (-len(found[2]) % 4)).decode()
    except ValueError:
        return id
    return inner if _wrapped(inner, int(found[1])) == id else id


def fitted(
    messages: Sequence[Message], fits: Callable[[str], bool] = fits_all, made: Callable[[str, int], str] | None = None
) -> tuple[Message, ...]:
    """Returns the messages with ids that a provider takes, each of which names one call. `made` makes an id of one that
    does not fit and a number; the results are in the message behind their calls, in the order of the calls."""
    make = made or (lambda id, number: f"call_{number}_{_short(id)}")
    used: set[str] = set()
    waiting: dict[str, list[str]] = {}
    out: list[Message] = []

    def place(part: Call | Result, number: int) -> str:
        if isinstance(part, Result):
            ids = waiting.get(part.id)
            return ids.pop(0) if ids else part.id
        id = part.id if fits(part.id) and part.id not in used else make(part.id, number)
        used.add(id)
        waiting.setdefault(part.id, []).append(id)
        return id

    number = 0
    for message in resting(messages):
        out.append(_with_ids(message, place, number))
        number += len(message.calls)
    return tuple(out)


def is_short(id: str) -> bool:
    """Whether an id has the form that Mistral wants."""
    return _NINE.match(id) is not None


def short_id(id: str, number: int) -> str:
    digest = blake2b(f"{number} {id}".encode("utf-8", "surrogatepass"), digest_size=6).digest()
    return b32encode(digest).decode()[:9]


def _with_ids(message: Message, id_of: Callable[[Call | Result, int], str], number: int) -> Message:
    """`number` is how many calls stand before this message."""
    parts: list[Part] = []
    changed = False
    for part in message.parts:
        if isinstance(part, Call | Result):
            id = id_of(part, number)
            number += isinstance(part, Call)
            if id != part.id:
                part, changed = msgspec.structs.replace(part, id=id), True
        parts.append(part)
    return Message(message.role, tuple(parts)) if changed else message


def _short(text: str, size: int = 12) -> str:
    digest = blake2b(text.encode("utf-8", "surrogatepass"), digest_size=9).digest()
    return urlsafe_b64encode(digest).decode()[:size]
