"""The model `mock` as one provider has it: its settings, and which fault strikes next."""

from __future__ import annotations

import random

from aigw.upstream.builtin.settings import Fault, MockSettings


class Mock:
    """Travels in `Target.settings`, so that every provider of every configuration has a sequence of its own."""

    def __init__(self, settings: MockSettings) -> None:
        self.settings = settings
        self._draws = random.Random(settings.seed)  # noqa: S311  the same faults every time, not secrets

    def draw(self) -> Fault | None:
        """The fault of one more request: draws for every one of them, the first drawn strikes."""
        drawn = [fault for fault in self.settings.faults if self._draws.random() < fault.probability]
        return drawn[0] if drawn else None
