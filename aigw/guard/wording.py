"""What attacks say in one language."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple


class Wording(NamedTuple):
    """Patterns of RE2. `sure` has those that are enough by themselves, by rule. `hints` and `weak` are pairs of rule
    and pattern: two different hints are enough, or one with two weak ones. `beyond_ascii`: none is found in ASCII."""

    sure: Mapping[str, Sequence[str]]
    hints: Sequence[tuple[str, str]]
    weak: Sequence[tuple[str, str]] = ()
    beyond_ascii: bool = False
