"""Lets some of the replayed answers fail, so that clients can be tested: `--faults 429:0.1,500:0.05,cut:0.02 --seed 7`.

Rule: the seed, the request and how often it came decide, so that the same run has the same faults, even if its calls
run at the same time. Only calls of clients fail, never those that plugins make by themselves."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from hashlib import blake2b
from typing import NamedTuple

from aigw.core.errors import GatewayError, UpstreamError, UpstreamFault
from aigw.upstream.tape import Outgoing, Played, Player

CUT = "cut"
_FAULT = re.compile(rf"(\d{{3}}|{CUT}):(\d*\.?\d+)")
_CODES = {401: "invalid_api_key", 429: "rate_limit_exceeded", 503: "overloaded"}


class Fault(NamedTuple):
    """A kind of fault and its share. `kind` is the status of an error, or CUT: the answer breaks off in the middle.
    `share` is how many of all calls fail so."""

    kind: str
    share: float


class Faults(NamedTuple):
    """Decides which faults strike, by `seed`."""

    faults: Sequence[Fault]
    seed: int

    def drawn(self, key: str, nth: int) -> str:
        """Returns the kind of the fault that strikes the `nth` call with this key, "" for none."""
        digest = blake2b(f"{self.seed} {nth} {key}".encode(), digest_size=8).digest()
        left = int.from_bytes(digest, "big") / 2**64
        for kind, share in self.faults:
            if left < share:
                return kind
            left -= share
        return ""


def parsed(text: str, seed: int) -> Faults:
    """Reads `429:0.1,cut:0.02`. Raises ValueError."""
    faults = []
    for part in text.split(","):
        found = _FAULT.fullmatch(part.strip())
        if found is None or not (found[1] == CUT or 400 <= int(found[1]) <= 599):
            raise ValueError(
                f"{part.strip()!r} is no fault; write a status from 400 to 599 or {CUT}, and a share: 429:0.1"
            )
        faults.append(Fault(found[1], float(found[2])))
    if (total := sum(fault.share for fault in faults)) > 1:
        raise ValueError(f"the shares are {total:g} together; at most 1 of all calls can fail")
    return Faults(faults, seed)


class FaultyPlayer:
    """A `Player` of the door around another one. `key` returns what a request asks for, whatever varies in it."""

    def __init__(self, player: Player, faults: Faults, key: Callable[[Outgoing], str]) -> None:
        self._player = player
        self._faults = faults
        self._key = key
        self._asked: Counter[str] = Counter()

    async def find(self, outgoing: Outgoing) -> Played | None:
        if not outgoing.is_answer:
            return await self._player.find(outgoing)
        key = self._key(outgoing)
        self._asked[key] += 1
        kind = self._faults.drawn(key, self._asked[key])
        if kind and kind != CUT:
            raise failure(int(kind))
        played = await self._player.find(outgoing)
        return cut(played) if played is not None and kind == CUT else played


def failure(status: int) -> GatewayError:
    kind = "invalid_request_error" if status < 500 else "server_error"
    message = f"a fault of --faults: the provider would answer {status} here"
    return GatewayError(status, message, kind=kind, code=_CODES.get(status))


def cut(played: Played) -> Played:
    """Returns an answer that breaks off in the middle. One without a body stays as it is."""
    if not played.pieces:
        return played
    pieces, left = [], sum(len(data) for _, data in played.pieces) // 2
    for at, data in played.pieces:
        pieces.append((at, data[:left]))
        if left <= len(data):
            break
        left -= len(data)
    error = UpstreamError(UpstreamFault.RESET, "a fault of --faults: the connection broke in the middle of the answer")
    return played._replace(pieces=pieces, after=pieces[-1][0], error=error)
