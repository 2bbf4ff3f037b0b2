"""One Redis of a configuration, in the two spellings that Higress's plugins have."""

import msgspec
import pytest

from aigw.clients.redis_config import RedisConfig, check_redis
from aigw.core.stores import Service
from aigw.plugins.ai_cache.config import Redis, Store

SNAKE = {"service_name": "r.static", "username": "u", "password": "secret", "database": 2}
CAMEL = {"serviceName": "r.static", "username": "u", "password": "secret", "database": 2}
STORE = {**CAMEL, "type": "redis"}


@pytest.mark.parametrize(
    "shape, given, key, seconds",
    [
        (RedisConfig, SNAKE, "service_port", 1.0),
        (Redis, CAMEL, "servicePort", 10.0),
        (Store, STORE, "servicePort", 10.0),
    ],
)
def test_both_spellings_are_the_same_service(shape, given, key, seconds):
    assert msgspec.convert(given, shape).service() == Service("r.static", 80, "u", "secret", 2, seconds)
    redis = msgspec.convert({**given, key: 7000, "timeout": 500}, shape)
    assert redis.service() == Service("r.static", 7000, "u", "secret", 2, 0.5)
    assert "secret" not in repr(redis)


@pytest.mark.parametrize(
    "shape, given, seconds", [(RedisConfig, SNAKE, 1.0), (Redis, CAMEL, 10.0), (Store, STORE, 10.0)]
)
def test_a_timeout_of_0_is_the_default(shape, given, seconds):
    assert msgspec.convert({**given, "timeout": 0}, shape).service().timeout == seconds


def test_what_is_missing_is_said_in_higresss_words():
    assert [problem.message for problem in check_redis(None)] == [
        "missing redis in config; write redis: {service_name: redis.static}"
    ]
    assert [problem.path for problem in check_redis(RedisConfig())] == [("redis",)]
    assert check_redis(RedisConfig(service_name="r")) == []
    with pytest.raises(msgspec.ValidationError, match="missing required field `serviceName`"):
        msgspec.convert({"service_name": "r"}, Redis)
