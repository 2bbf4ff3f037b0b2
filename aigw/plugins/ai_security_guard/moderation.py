"""Asks the service about the texts of one request or answer, and notes what it says as Higress does."""

from __future__ import annotations

import sys
from collections.abc import Awaitable
from typing import Any, Literal, NamedTuple, Protocol

from aigw.clients.callout import CalloutError
from aigw.clients.green_cip import GreenCip, Moderation, readable
from aigw.core.env import Env
from aigw.core.errors import GatewayError
from aigw.core.exchange import Exchange
from aigw.plugins.ai_security_guard.config import Bars
from aigw.plugins.ai_security_guard.decision import PASS, Decision
from aigw.plugins.ai_security_guard.windows import common

NAME = "ai-security-guard"
Phase = Literal["request", "response"]
Modality = Literal["text", "image"]


class Slicing(NamedTuple):
    """How long texts are cut: into slices of so many characters and bytes (0: any number), which overlap by so many
    characters."""

    characters: int
    bytes: int
    overlap: int

    def takes(self, text: str) -> bool:
        """Whether the text is surely one slice."""
        return len(text) <= self.characters and not (self.bytes and len(text) * 4 > self.bytes)

    def first(self, text: str, at: int) -> str:
        """The slice that begins there, of whole characters."""
        piece = text[at : at + self.characters]
        if not self.takes(piece):
            data = piece.encode("utf-8", "surrogatepass")[: self.bytes]
            piece = data.decode("utf-8", "ignore") or piece[:1]
        return piece


SERVICE = Slicing(1800, 1800, 100)
"""How texts are cut for Content Security, which takes 2000 characters at once."""
HIGRESS = Slicing(1800, 1800, 0)
WHOLE = Slicing(sys.maxsize, 0, 0)
LOCAL = Slicing(16_384, 0, 100)
TURN_SECONDS = 0.005
"""After so long others get a turn, because the screen of this machine works in the thread that answers everybody."""
_MISSPELT = {"request deny": "reqeust deny"}
"""Labels that Higress's log spells wrong."""


class Uncheckable(Exception):  # noqa: N818 - it is no error of the code
    """A text could not be checked, and must not pass then."""

    def answer(self) -> GatewayError:
        message = f"the content cannot be checked: {self}"
        return GatewayError(503, message, kind="api_error", code="guard_unavailable")


class Decide(Protocol):
    def __call__(self, said: Moderation, bars: Bars | None = None, /) -> Decision: ...


class Asking(NamedTuple):
    """How the texts of one phase are checked: by which of Content Security's services (and which for images), and with
    which bars."""

    phase: Phase
    service: str
    image_service: str = ""
    bars: Bars | None = None


MOST_FAILURES = 3
"""After so many failures one after another, a check asks no more: a service that hangs would hold up a conversation of
a hundred texts for minutes."""


class Check:
    """Checks the texts of one phase of one exchange. `failed` says why a text could not be checked, "" if all were
    checked, and `failures` counts such texts. `masked` says whether something must be masked. `labels` are the labels
    of the findings. `asking` says with what is asked."""

    def __init__(
        self,
        client: GreenCip,
        decide: Decide,
        decide_image: Decide,
        env: Env,
        exchange: Exchange,
        asking: Asking,
        slicing: Slicing,
        *,
        log_words: bool,
    ) -> None:
        self._client = client
        self._decide = decide
        self._decide_image = decide_image
        self._env = env
        self._log = exchange.labels.ai_log
        self.asking = asking
        self._slicing = slicing
        self._log_words = log_words
        self._session = client.session()
        self._spent = 0.0
        self._turn = env.clock.monotonic()
        self._in_a_row = 0
        """How many questions have failed since one was answered."""
        self.failed = ""
        self.failures = 0
        self.masked = False
        self.labels: list[str] = []

    async def text(self, text: str, *, empty: bool = False, goes_on: bool = False) -> Decision:
        """Decides about a text. If it cannot be checked, it passes, and `failed` says why. An empty text is not sent,
        except with `empty`. For a text that `goes_on`, the decision says how much of its end is `pending`."""
        if not text and not empty:
            return PASS
        await self.give_way()
        started = self._env.clock.monotonic()
        try:
            return await (self._slice if self._slicing.takes(text) else self._slices)(text, goes_on)
        finally:
            self._spent += self._env.clock.monotonic() - started
            self._log[f"safecheck_{self.asking.phase}_rt"] = int(self._spent * 1000)

    async def give_way(self) -> None:
        """Lets others have their turn, if this check has worked for long enough."""
        if self._env.clock.monotonic() - self._turn > TURN_SECONDS:
            await self._env.sleep(0)
            self._turn = self._env.clock.monotonic()

    async def _slices(self, text: str, goes_on: bool) -> Decision:
        """Checks one slice after the other. If they overlap, what must not pass is in one of them as a whole."""
        passed: list[str] = []
        at, is_masked, decision = 0, False, PASS
        while at < len(text):
            if at:
                await self._env.sleep(0)  # the screen of this machine works in this thread: others get a turn
            piece = self._slicing.first(text, at)
            overlap = 0 if at + len(piece) == len(text) else self._slicing.overlap
            decision = await self._slice(piece, goes_on)
            if decision.kind == "deny":
                return decision
            is_masked = is_masked or decision.kind == "mask"
            free, out = _settled(piece, decision.masked if decision.kind == "mask" else piece, overlap)
            passed.append(out)
            at += free
        return Decision("mask" if is_masked else "pass", "".join(passed) if is_masked else "", pending=decision.pending)

    async def image(self, image: str) -> Decision:
        """Decides about an image, which is a URL, or a `data:` URL with the image itself."""
        if self._gives_up():
            return PASS
        asking = self._client.check_image(self.asking.image_service, image, self._session)
        return await self._decided(asking, self._decide_image, "image")

    async def _slice(self, piece: str, goes_on: bool = False) -> Decision:
        if self._gives_up():
            return PASS
        asking = self._client.check(self.asking.service, piece, self._session, goes_on=goes_on)
        decision = await self._decided(asking, self._decide, "text")
        return decision._replace(masked=_as_given(piece, decision.masked)) if decision.kind == "mask" else decision

    async def _decided(self, asking: Awaitable[Moderation], decide: Decide, modality: Modality) -> Decision:
        try:
            said = await asking
        except CalloutError as error:
            self._in_a_row += 1
            self.fail(str(error), modality)
            return PASS
        self._in_a_row = 0
        decision = decide(said, self.asking.bars)
        self.labels += [each for each in decision.labels if each not in self.labels]
        self.masked = self.masked or decision.kind == "mask"
        self._note(decision.kind, modality, said.request_id or "", decision)
        return decision

    def _gives_up(self) -> bool:
        """Whether the next text is not asked about. It counts as one that could not be checked."""
        given_up = self._in_a_row >= MOST_FAILURES
        self.failures += given_up
        return given_up

    def fail(self, reason: str, modality: Modality = "text") -> None:
        """Notes that something could not be checked."""
        self.failed = reason
        self.failures += 1
        self._env.log.warning("%s: %s", NAME, reason)
        self._note("error", modality)

    def _note(self, result: str, modality: Modality, request_id: str = "", decision: Decision | None = None) -> None:
        log, phase = self._log, self.asking.phase
        told: dict[str, Any] = {"requestId": request_id} if request_id else {}
        log.setdefault("safecheck_requests", []).append(told | {"phase": phase, "modality": modality, "result": result})
        ids = log.setdefault("safecheck_request_ids", [])
        if request_id:
            log["safecheck_request_id"] = request_id
            ids.append(request_id)
        status = f"{phase} {result}"
        log["safecheck_status"] = _MISSPELT.get(status, status)
        if decision is not None and decision.kind == "deny" and decision.labels:
            log["safecheck_riskLabel"] = decision.labels[0]
            if self._log_words:
                log["safecheck_riskWords"] = decision.words


def count(env: Env, name: str) -> None:
    """Adds one to one of Higress's counters."""
    if env.metrics is not None:
        env.metrics.add((), {name: 1})


def _as_given(piece: str, masked: str) -> str:
    """The masked text, and the halves of characters in the rest of the text."""
    ahead, behind = common(readable(piece), masked)
    return piece[:ahead] + masked[ahead : len(masked) - behind] + piece[len(piece) - behind :]


def _settled(piece: str, masked: str, overlap: int) -> tuple[int, str]:
    """Returns how many characters of a slice need not be checked again, and the text that is passed on for them.
    `overlap` is 0 at the end of a text."""
    if not overlap:
        return len(piece), masked
    ahead, behind = common(piece, masked)
    if not ahead and behind < overlap:
        return len(piece), masked
    if masked == piece or behind >= overlap:
        return max(len(piece) - overlap, 1), masked[: max(len(masked) - overlap, 1)]
    return ahead, piece[:ahead]  # what is to be masked may go on in the next slice
