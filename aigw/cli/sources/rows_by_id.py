"""What the books of a gateway say about each answer, for the command that has started it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from msgspec.structs import replace as changed_to

from aigw.books.usage_row import UsageRow
from aigw.core.exchange import Exchange

if TYPE_CHECKING:
    from aigw.traffic.runs.outcome import Outcome
    from aigw.traffic.runs.resending import Answer


class RowWithRemark(NamedTuple):
    """A usage row with what plugins say about the request. `service` is the type of the provider, and `remark` is what
    plugins say."""

    row: UsageRow
    service: str
    remark: str


class RowsById:
    """The usage rows of a gateway by the ids of the requests. The gateway's books call `show`."""

    def __init__(self) -> None:
        self._rows: dict[str, RowWithRemark] = {}

    def show(self, row: UsageRow, exchange: Exchange) -> None:
        remarks = [f"cache: {row.cache}"] if row.cache == "hit" else []
        remarks += [f"{name}: {remark}" for name, remark in exchange.labels.remarks.items()]
        self._rows[row.id] = RowWithRemark(row, exchange.provider, ", ".join(remarks))

    def of(self, answer: Answer) -> RowWithRemark | None:
        return self._rows.get(answer.id)

    def told(self, answer: Answer) -> Outcome:
        """Returns the outcome with what the books know better. Call it when the gateway has ended."""
        if (found := self.of(answer)) is None:
            return answer.outcome
        row, service, remark = found
        return changed_to(
            answer.outcome, tokens=row.tokens, usd=row.cost, service=service, model=row.model, remark=remark
        )
