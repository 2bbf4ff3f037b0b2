"""The messages to the process that writes recordings: msgpack behind its length, and behind that large bodies.

Rule: nobody copies a large body on the event loop. To encode a request of 10 MB would hold up all others for 20 ms."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import replace
from typing import BinaryIO

import msgspec

from aigw.core.pace import LARGE
from aigw.traffic.format.call import Answered, Begun, plain

_LENGTH = struct.Struct(">I")
_SAME = -1
"""Stands for the size of a body that is the same as the one before it."""

Message = Begun | Answered | str
"""A call that has begun, what came back, or a secret."""
_decode = msgspec.msgpack.Decoder(tuple[int, Message, list[int]]).decode


def framed(data: bytes) -> bytes:
    return _LENGTH.pack(len(data)) + data


def written(number: int, what: Message) -> list[bytes]:
    """Returns a message about the call of this number, in the pieces in which it is sent."""
    bodies = _bodies(what)
    if sum(map(len, bodies)) <= LARGE:
        return [framed(_encoded((number, what, [])))]
    same = isinstance(what, Begun) and bodies[-1] is bodies[0] and len(bodies) > 1
    sizes = [len(bodies[0]), _SAME] if same else [len(body) for body in bodies]
    bare = _with_bodies(what, [b""] * len(bodies))
    return [framed(_encoded((number, bare, sizes))), *(bodies[:1] if same else bodies)]


def framed_in(source: BinaryIO) -> bytes | None:
    """Reads what was framed. Returns None at the end. Half of it is from a gateway that was killed."""
    head = source.read(_LENGTH.size)
    return _read(source, _LENGTH.unpack(head)[0]) if len(head) == _LENGTH.size else None


def read(source: BinaryIO) -> tuple[int, Message] | None:
    """Reads a message. Returns None at the end."""
    if (data := framed_in(source)) is None:
        return None
    number, what, sizes = _decode(data)
    bodies: list[bytes] = []
    for size in sizes:
        body = bodies[-1] if size == _SAME else _read(source, size)
        if body is None:
            return None
        bodies.append(body)
    return number, _with_bodies(what, bodies) if sizes else what


def _read(source: BinaryIO, size: int) -> bytes | None:
    data = source.read(size)
    return data if len(data) == size else None


def _encoded(message: tuple[int, Message, list[int]]) -> bytes:
    try:
        return msgspec.msgpack.encode(message)
    except UnicodeEncodeError:  # a header may have bytes that are no text
        return msgspec.msgpack.encode(plain(message))


def _bodies(what: Message) -> list[bytes]:
    if isinstance(what, Begun):
        return [each.body for each in (what.sent, what.client) if each is not None]
    return [data for _, data in what.pieces] if isinstance(what, Answered) else []


def _with_bodies(what: Message, bodies: Sequence[bytes]) -> Message:
    if isinstance(what, Begun):
        client = what.client._replace(body=bodies[1]) if what.client is not None else None
        return what._replace(sent=what.sent._replace(body=bodies[0]), client=client)
    if isinstance(what, Answered):
        return replace(what, pieces=[(at, body) for (at, _), body in zip(what.pieces, bodies, strict=True)])
    return what
