"""The configuration of ai-cache: its forms, and what it may not say."""

from __future__ import annotations

from typing import Any

import pytest
from ai_cache_world import CONFIG, parse
from world import configured

from aigw.core.errors import ConfigError


@pytest.mark.parametrize(
    ("config", "prefix", "ttl", "service"),
    [
        ({"redis": {"serviceName": "redis.static"}}, "higress-ai-cache:", 0, ("redis.static", 80, "", "", 0, 10.0)),
        (
            {"redis": {"serviceName": "r.dns", "servicePort": 7000, "timeout": 2000, "username": "u", "password": "p"}},
            "higress-ai-cache:", 0, ("r.dns", 7000, "u", "p", 0, 2.0),
        ),
        (
            {"redis": {"serviceName": "r.dns", "cacheKeyPrefix": "a:", "cacheTTL": 5}, "cacheTTL": 9},
            "a:", 9, ("r.dns", 6379, "", "", 0, 10.0),
        ),
        ({"redis": {"serviceName": "r.dns", "cacheTTL": 5}, "cacheTTL": 0}, "higress-ai-cache:", 0, ("r.dns", 6379, "", "", 0, 10.0)),
        ({"redis": {"serviceName": "r.dns"}, "cacheKeyPrefix": "a:"}, "higress-ai-cache:", 0, ("r.dns", 6379, "", "", 0, 10.0)),
        (
            {"cache": {"type": "redis", "serviceName": "r.dns", "database": 3, "cacheTTL": 60, "cacheKeyPrefix": "b:"}},
            "b:", 60, ("r.dns", 6379, "", "", 3, 10.0),
        ),
        (
            {"cache": {"type": "redis", "serviceName": "c.dns"}, "redis": {"serviceName": "r.dns", "cacheKeyPrefix": ""}},
            "", 0, ("r.dns", 6379, "", "", 0, 10.0),
        ),
        (
            {"redis": {"serviceName": "r.dns", "cacheKeyPrefix": "a:", "cacheTTL": 5}, "cacheKeyPrefix": "b:",
             "cacheTTL": 9, "cacheValueFrom": {"responseBody": "out"}},
            "b:", 9, ("r.dns", 6379, "", "", 0, 1.0),
        ),
    ],
)  # fmt: skip
def test_forms_of_the_configuration(config: Any, prefix: str, ttl: int, service: Any) -> None:
    parsed = parse(config)
    assert (parsed.prefix(), parsed.ttl()) == (prefix, ttl)
    assert parsed.service() == service


@pytest.mark.parametrize(
    ("config", "noted"),
    [
        ({"redis": {"serviceName": "r", "cacheKeyPrefix": "a:"}, "cacheTTL": 9}, []),
        ({"redis": {"serviceName": "r"}, "cacheKeyPrefix": "a:"}, ["cacheKeyPrefix: has no effect"]),
        (
            {**CONFIG, "cacheKeyPrefix": "a:", "cacheTTL": 9},
            ["cacheKeyPrefix: has no effect", "cacheTTL: has no effect"],
        ),
        (
            {"redis": {"serviceName": "r"}, "cacheKeyPrefix": "a:", "cacheStreamValueFrom": {"responseBody": "out"}},
            ["cacheStreamValueFrom: an object was understood in June 2024 only"],
        ),
    ],
)
def test_what_todays_higress_does_not_read_is_noted(config: Any, noted: list[str]) -> None:
    notes = configured({"ai-cache": config}).notes
    assert len(notes) == len(noted)
    for note, words in zip(notes, noted, strict=True):
        assert f"plugins.ai-cache.{words}" in note


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({}, "cache, embedding and vector are all missing"),
        ({**CONFIG, "cacheKeyStrategy": "firstQuestion"}, "invalid CacheKeyStrategy"),
        ({"cache": {"type": "memcached", "serviceName": "m"}}, "must be one of redis"),
        ({"cache": {"type": "redis"}}, "serviceName"),
    ],
)
def test_what_a_configuration_may_not_say(config: Any, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        parse(config)


def test_a_semantic_cache_that_lacks_its_parts_is_noted() -> None:
    (note,) = configured({"ai-cache": {**CONFIG, "enableSemanticCache": True}}).notes
    assert "plugins.ai-cache.enableSemanticCache" in note
    assert not configured({"ai-cache": CONFIG}).notes
