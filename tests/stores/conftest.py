"""A Redis for each test that asks for one."""

import pytest
from redis_server import redis_server


@pytest.fixture
async def server(tmp_path):
    folder = tmp_path / "redis"
    folder.mkdir()
    async with redis_server(folder) as server:
        yield server
