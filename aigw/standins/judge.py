"""Asks a model about texts, within bounds: so many characters of each, so often a minute, and no text twice.

Rule: if the model does not answer, nothing counts as found, and the log says why."""

from __future__ import annotations

import logging
from collections import OrderedDict, deque
from collections.abc import Sequence
from hashlib import blake2b

from aigw.core.asking import AskError, Models, Question, asking
from aigw.core.env import Clock
from aigw.guard.finding import Finding
from aigw.guard.judge import MAX_TOKENS, findings, question
from aigw.guard.settings import JudgeSettings

log = logging.getLogger("aigw")

MOST_REMEMBERED = 1024
"""For how many texts the judgement is remembered."""
_CUT = "\n[...]\n"


class Judge:
    def __init__(self, settings: JudgeSettings, models: Models, clock: Clock) -> None:
        self._settings = settings
        self._models = models
        self._clock = clock
        self._asked: deque[float] = deque()
        self._known: OrderedDict[bytes, Sequence[Finding]] = OrderedDict()

    async def findings(self, text: str, *, answer: bool) -> Sequence[Finding]:
        """Returns what the judge finds in a text of a client or in an answer. Questions that the gateway itself asks
        are not judged, because the judge's own question is one of them."""
        if not text.strip() or asking.get() or (answer and not self._settings.answers):
            return ()
        key = blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()
        if key not in self._known:
            found = await self._ask(text)
            if found is None:
                return ()
            self._known[key] = found
            if len(self._known) > MOST_REMEMBERED:
                self._known.popitem(last=False)
        return self._known[key]

    async def _ask(self, text: str) -> Sequence[Finding] | None:
        settings = self._settings
        if self._is_busy():
            log.warning("guard: a text was not judged: the judge was asked %s times in a minute", settings.per_minute)
            return None
        asked = Question(
            question(_shortened(text, settings.characters)),
            settings.model,
            settings.route,
            settings.seconds,
            max_tokens=MAX_TOKENS,
        )
        try:
            return findings(await self._models.ask(asked), text, settings)
        except (AskError, ValueError) as error:
            log.warning("guard: a text was not judged: %s", error)
            return None

    def _is_busy(self) -> bool:
        """Whether it was asked too often. If not, it counts as asked."""
        now = self._clock.monotonic()
        while self._asked and self._asked[0] <= now - 60:
            self._asked.popleft()
        if len(self._asked) >= self._settings.per_minute:
            return True
        self._asked.append(now)
        return False


def _shortened(text: str, most: int) -> str:
    half = most // 2
    return text if len(text) <= most else f"{text[: most - half]}{_CUT}{text[len(text) - half :]}"
