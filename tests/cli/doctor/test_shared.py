"""What each Redis answers to a doctor."""

import json

from redis_server import redis_server

from aigw.cli.doctor.shared import ask_redis
from aigw.config.load import load


async def test_online_writes_to_each_redis(tmp_path):
    async def checks(url):
        services = {"redis.static": url, "other.static": url, "a.b": "http://h"}
        return await ask_redis(
            load(None, {}, text=json.dumps({"services": services, "usage": url}).encode()), everywhere=False
        )

    (tmp_path / "redis").mkdir()
    async with redis_server(tmp_path / "redis", "user default on >other ~* &* +@all") as redis:
        (check,) = await checks(redis.url.replace("://", "://:other@"))
        assert (check.level, check.message) == ("ok", f"{redis.url} answers and can be written to")
        (check,) = await checks(redis.url)
        assert (check.level, "the plugins' YAML may have one" in check.message) == ("note", True)
        (check,) = await checks(redis.url.replace("://", "://:s3cret@"))
        assert (check.level, "s3cret" in check.message) == ("problem", False)
    (check,) = await checks(redis.url)
    assert (check.level, "connection refused" in check.message) == ("problem", True)
