"""Notes the calls that a program makes through a gateway."""

from __future__ import annotations

from typing import NamedTuple

from aigw.books.usage_row import UsageRow
from aigw.cli.sources.tally import Tally
from aigw.core.exchange import Exchange
from aigw.plugins.ai_budget.refusal import PRICE_UNKNOWN, USED_UP
from aigw.traffic.replay.player import NO_RECORDING, REMARK


class ProgramCall(NamedTuple):
    """A request of the program. `id` is the gateway's. `recording` is the name of the one that answered it, "" if none
    did. `failed` and `error` are as in `UsageRow`."""

    id: str
    request: str
    model: str
    status: int
    seconds: float
    recording: str
    error: str
    failed: bool

    @property
    def over_budget(self) -> bool:
        """Whether a budget refused it, or broke its answer off."""
        return self.error in (USED_UP, PRICE_UNKNOWN)


class ProgramCalls:
    """`sent` sums up what went to providers and built-in models, `replayed` what came from recordings."""

    def __init__(self) -> None:
        self.each: list[ProgramCall] = []
        self.sent = Tally()
        self.replayed = Tally()

    @property
    def over_budget(self) -> int:
        return sum(each.over_budget for each in self.each)

    @property
    def failed(self) -> list[ProgramCall]:
        """Returns the calls that failed, except for those that a budget refused or that have no recording: these are
        reported separately."""
        return [each for each in self.each if each.failed and not each.over_budget and each.error != NO_RECORDING]

    def note(self, row: UsageRow, exchange: Exchange) -> None:
        """Notes a request. The books call it, as a `Show`."""
        recording = exchange.labels.remarks.get(REMARK, "")
        (self.replayed if recording else self.sent).add(row)
        original = exchange.original
        request = f"{original.method} {original.path}"
        call = ProgramCall(
            row.id, request, row.asked, row.status, row.total_ms / 1000, recording, row.error, row.failed
        )
        self.each.append(call)
