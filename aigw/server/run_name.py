"""The name of a run: what one gateway does from its start to its end. Budgets and others count by it.

The user may name the run in AIGW_RUN, for instance after a job in CI. A supervisor names it there for its workers."""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import UTC, datetime

VARIABLE = "AIGW_RUN"


def run_name(environment: Mapping[str, str]) -> str:
    """The name in AIGW_RUN, or else one made of the start time and the id of this process."""
    return environment.get(VARIABLE) or f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}-{os.getpid()}"
