"""The conditions under which a run counts as worse than the one before: `cost>+10%,errors>0`."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping
from typing import NamedTuple

METRICS = ("cost", "errors", "changed", "tokens", "latency")
"""USD of all calls, calls that failed, calls whose answer is another, tokens of all calls, and the median time of a
call in milliseconds."""
_OPERATORS: Mapping[str, Callable[[float, float], bool]] = {
    ">=": operator.ge, "<=": operator.le, ">": operator.gt, "<": operator.lt,
}  # fmt: skip
_FORM = re.compile(
    r"(?P<metric>[a-z]+)\s*(?P<operator>[<>]=?)\s*(?P<limit>[+-]?\d{1,15}(?:\.\d{1,15})?)\s*(?P<unit>%|ms|s)?"
)
_EXAMPLE = 'such as "cost>+10%,errors>0"'
Values = Mapping[str, float | None]
"""A value for each metric, None if it is not known."""


class Condition(NamedTuple):
    """A condition such as `cost>+10%`. `limit` is a number or, with `relative`, by what percentage the new value is
    above the old one."""

    text: str
    metric: str
    operator: str
    limit: float
    relative: bool = False

    def holds(self, old: Values, new: Values) -> str:
        """Returns why the condition holds, "" if it does not. It also holds if the figures are not known."""
        before, now = old[self.metric], new[self.metric]
        if now is None or (self.relative and before is None):
            return f"{self.text}: the {self.metric} is not known"
        limit = (before or 0.0) * (1 + self.limit / 100) if self.relative else self.limit
        if not _OPERATORS[self.operator](now, limit):
            return ""
        return f"{self.text}: {_number(before)} -> {_number(now)}" if before is not None else f"{self.text}: {now:g}"


def conditions(text: str) -> list[Condition]:
    """Reads conditions that are separated by commas. Raises ValueError."""
    return [_condition(each.strip()) for each in text.split(",") if each.strip()]


def _condition(text: str) -> Condition:
    found = _FORM.fullmatch(text)
    if found is None:
        raise ValueError(f"{text!r} is no condition {_EXAMPLE}")
    metric, limit, unit = found["metric"], float(found["limit"]), found["unit"]
    if metric not in METRICS:
        raise ValueError(f"{text!r}: there is no metric {metric!r}; there are {', '.join(METRICS)}")
    if unit in ("ms", "s") and metric != "latency":
        raise ValueError(f"{text!r}: {metric} has no unit {unit}")
    if unit != "%" and found["limit"][0] in "+-":
        raise ValueError(f"{text!r}: a limit with a sign is a percentage: {metric}{found['operator']}{found['limit']}%")
    if unit == "%" and found["limit"][0] not in "+-":
        raise ValueError(f"{text!r}: a percentage has a sign: {metric}{found['operator']}+{found['limit']}%")
    return Condition(text, metric, found["operator"], limit * 1000 if unit == "s" else limit, unit == "%")


def _number(value: float | None) -> str:
    return "?" if value is None else f"{value:.6g}"
