"""Lets the threads of OpenMP sleep while they wait for each other. Otherwise they spin, and on a busy machine a
question costs five to twenty times the processor time."""

from __future__ import annotations

import os
from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager

POLICY = "OMP_WAIT_POLICY"
"""The variable by which a library with OpenMP is told how threads wait. It is read when the library is loaded."""


@contextmanager
def waiting_idly(environment: MutableMapping[str, str] = os.environ) -> Iterator[None]:
    """Makes the threads of libraries that are loaded in the block sleep while they wait. If the user has set a policy,
    it stays. Child processes do not inherit ours."""
    if POLICY in environment:
        yield
        return
    environment[POLICY] = "PASSIVE"
    try:
        yield
    finally:
        del environment[POLICY]
