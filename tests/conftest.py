"""What holds for all tests: options of the test command (here, so that pytest knows them wherever it is started), property tests that
do not depend on how busy the machine is, and a real Redis for each test that asks for one."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from redis_server import redis_server

settings.register_profile("aigw", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("aigw")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--cases", type=Path, help="play this file of conformance cases instead of the project's own")


@pytest.fixture
async def server(tmp_path):
    """A Redis that stops with the test."""
    folder = tmp_path / "redis"
    folder.mkdir()
    async with redis_server(folder) as server:
        yield server
