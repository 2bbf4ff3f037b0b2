"""What holds for all tests: options of the test command (here, so that pytest knows them wherever it is started), property tests that
do not depend on how busy the machine is, an end for tests that hang, a real Redis for each test that asks for one, and embedders, which
load each model once."""

from __future__ import annotations

import faulthandler
import os
from pathlib import Path

import pytest
from children import children
from forked import forked_commands
from hypothesis import HealthCheck, settings
from redis_server import redis_server

from aigw.rag.embedders import EmbedderTable

settings.register_profile("aigw", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("aigw")


LONGEST = 150
"""Seconds that a test may take, its fixtures included; the slowest takes 40."""
STDERR = pytest.StashKey[int]()


def pytest_configure(config: pytest.Config) -> None:
    config.stash[STDERR] = os.dup(2)  # where a test's own output does not go


def watch(config: pytest.Config) -> None:
    """Lets this process print the stacks of all threads and end, if the test does not end. It needs no lock of Python's, and
    is in force, too, for a test that has failed and hangs afterwards: neither holds for pytest-timeout."""
    faulthandler.dump_traceback_later(LONGEST, file=config.stash[STDERR], exit=True)


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
