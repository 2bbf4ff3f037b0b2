"""The model `mock` of one provider: its settings, and the fault that strikes next."""

from __future__ import annotations

import random

from aigw.upstream.builtin.settings import Fault, MockSettings


class Mock:
    """Every provider of every configuration has its own sequence of faults, because a target carries this."""

    def __init__(self, settings: MockSettings) -> None:
        self.settings = settings
        self._draws = random.Random(settings.seed)  # noqa: S311  the same faults every time, not secrets

    def draw(self) -> Fault | None:
        """The fault of the next request. It draws once for each fault; the first that is drawn strikes."""
        drawn = [fault for fault in self.settings.faults if self._draws.random() < fault.probability]
        return drawn[0] if drawn else None
