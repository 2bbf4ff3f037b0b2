"""The name of what a gateway does from its start to its end, for budgets and whoever else counts by run.

The user's own name in AIGW_RUN counts first, such as that of a job in CI; a supervisor tells its workers in the same
way."""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import UTC, datetime

VARIABLE = "AIGW_RUN"


def run_name(environment: Mapping[str, str]) -> str:
    """As the environment has it; else when this process began, and which it is."""
    return environment.get(VARIABLE) or f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}-{os.getpid()}"
