"""What a case says about the gateway's effective configuration (`expect_effective`).

Rule: keys that are named have the value that is named; others may stand beside them. What is empty, false or 0 is
not shown by the gateway, so such a value is expected by its absence too."""

from __future__ import annotations

from typing import Any

from player.cases import Case
from player.compare import compare_value
from player.mismatch import differ, require

EMPTY: tuple[Any, ...] = (None, "", [], {}, False, 0)


def check_effective(case: Case, shown: dict[str, Any]) -> None:
    """`expect_effective` is the configuration of the case's plugin, or of each of its plugins by name. `shown` is the
    gateway's whole effective configuration."""
    expected = case["expect_effective"]
    _compare("expect_effective", expected if "plugins" in case else {case["plugin"]: expected}, shown["plugins"])


def _compare(where: str, expected: Any, got: Any) -> None:
    if isinstance(expected, dict) and isinstance(got, dict):
        for key, value in expected.items():
            require(key in got or value in EMPTY, f"{where}.{key}: it is not there, expected {value!r}")
            if key in got:
                _compare(f"{where}.{key}", value, got[key])
    elif isinstance(expected, list) and isinstance(got, list):
        if len(expected) != len(got):
            raise differ(where, expected, got)
        for index, pair in enumerate(zip(expected, got, strict=True)):
            _compare(f"{where}[{index}]", *pair)
    else:
        compare_value(where, expected, got)
