"""What holds for all tests: options of the test command (here, so that pytest knows them wherever it is started), property tests that
do not depend on how busy the machine is, an end for tests that hang, a real Redis for each test that asks for one, and embedders, which
load each model once."""

from __future__ import annotations

import faulthandler
import gc
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from children import children
from forked import forked_commands
from hypothesis import HealthCheck, settings
from redis_server import redis_server

from aigw.rag.embedders import EmbedderTable

EXAMPLES = {False: 50, True: 1000}
"""How many a property test tries if it does not say so itself, without --thorough and with it."""
PART = 3
"""Without --thorough, of a product of cases every third one is tried."""

LONGEST = 150
"""Seconds that a test may take, its fixtures included; the slowest takes 40."""
STDERR = pytest.StashKey[int]()

# gRPC would start threads in each process that a test forks to run a program.
os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "0")


def pytest_configure(config: pytest.Config) -> None:
    examples = EXAMPLES[config.getoption("thorough")]
    settings.register_profile(
        "aigw", max_examples=examples, deadline=None, suppress_health_check=[HealthCheck.too_slow]
    )
    settings.load_profile("aigw")
    config.stash[STDERR] = os.dup(2)  # where a test's own output does not go


def pytest_xdist_auto_num_workers() -> int:
    """One process more than there are cores: many tests wait for a program that they have started."""
    return min((os.cpu_count() or 1) + 1, 4)


def pytest_collection_finish() -> None:
    """All that the tests have imported and collected stays: the garbage collector need not look at it after each test."""
    gc.collect()
    gc.freeze()


def watch(config: pytest.Config) -> None:
    """Lets this process print the stacks of all threads and end, if the test does not end. It needs no lock of Python's, and
    is in force, too, for a test that has failed and hangs afterwards: neither holds for pytest-timeout."""
    longest = LONGEST * (10 if config.getoption("thorough") else 1)
    faulthandler.dump_traceback_later(longest, file=config.stash[STDERR], exit=True)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item):
    watch(item.config)
    try:
        return (yield)
    finally:
        faulthandler.cancel_dump_traceback_later()


@pytest.hookimpl(trylast=True)
def pytest_exception_interact(node: pytest.Item | pytest.Collector) -> None:
    if isinstance(node, pytest.Item):
        watch(node.config)  # pytest itself has just ended it


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--cases", type=Path, help="play this file of conformance cases instead of the project's own")
    parser.addoption(
        "--thorough", action="store_true", help="try all cases of large products, and more examples of properties"
    )


@pytest.fixture
def part(request: pytest.FixtureRequest) -> Callable[[Sequence[Any], int], Sequence[Any]]:
    """Gives of some cases every third one, beginning at a number, so that three tests try them all; with --thorough it gives all."""
    step = 1 if request.config.getoption("thorough") else PART
    return lambda cases, start: cases[start % step :: step]


@pytest.fixture(scope="session")
def embedders():
    """The embedders that come as packages. Torch takes 5 s to load, so all tests of a process share them."""
    return EmbedderTable()


@pytest.fixture(scope="session")
def commands():
    """Runs commands of aigw in processes that have imported it already."""
    with forked_commands() as commands:
        yield commands


@pytest.fixture
def child():
    """Starts processes that end with the test."""
    with children() as start:
        yield start


@pytest.fixture
async def server(tmp_path):
    """A Redis that stops with the test."""
    folder = tmp_path / "redis"
    folder.mkdir()
    async with redis_server(folder) as server:
        yield server
