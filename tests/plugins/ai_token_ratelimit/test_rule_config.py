"""What a rule may be, and what is said in Higress's words about one that may not."""

import json

import pytest

from aigw.config.load import load
from aigw.core.errors import ConfigError


def problems(config):
    try:
        load(None, {}, text=json.dumps({"plugins": {"ai-token-ratelimit": config}}).encode())
    except ConfigError as error:
        return str(error)
    return ""


REDIS = {"redis": {"service_name": "redis.static"}}


@pytest.mark.parametrize(
    ("item", "problem"),
    [
        ({"limit_keys": [{"key": "a", "token_per_day": 1}]}, "at least one of 'limit_by_header'"),
        ({"limit_by_header": "a"}, "config limit_keys cannot be empty"),
        ({"limit_by_header": "a", "limit_keys": [{"token_per_day": 1}]}, "limit_keys key is required"),
        ({"limit_by_header": "a", "limit_keys": [{"key": "b", "token_per_day": 0}]},
         "'token_per_day' must be a positive integer for key 'b', got 0"),
        ({"limit_by_per_header": "a", "limit_keys": [{"key": "b", "token_per_day": 1}]},
         "the 'limit_by_per_header' restriction must start with 'regexp:' or be exactly '*'"),
        ({"limit_by_per_header": "a", "limit_keys": [{"key": "regexp:(", "token_per_day": 1}]},
         "failed to compile regex for key 'regexp:('"),
        ({"limit_by_per_ip": "from-remote-addr", "limit_keys": [{"key": "x", "token_per_day": 1}]},
         "failed to parse IPNet for key 'x'"),
        ({"limit_by_per_ip": "from-header-", "limit_keys": [{"key": "::/0", "token_per_day": 1}]},
         "empty after 'from-header-'"),
        ({"limit_by_consumer": None, "limit_keys": [{"key": "bob", "token_per_day": 1}]}, ""),
    ],
)  # fmt: skip
def test_what_a_rule_may_be(item, problem):
    said = problems({"rule_name": "r", "rule_items": [item], **REDIS})
    assert problem in said
    assert bool(problem) == bool(said)


@pytest.mark.parametrize(
    ("config", "problem"),
    [
        ({"rule_items": [], **REDIS}, "config rule_items cannot be empty"),
        ({"rule_items": [{}] * 11, **REDIS}, "rule_items length 11 exceeds maximum 10"),
        ({**REDIS}, "must be set; write global_threshold: {token_per_minute: 10000}"),
        ({"global_threshold": {}, **REDIS}, "must be set for global_threshold"),
        ({"global_threshold": {"token_per_day": 1}, "redis": {}}, "redis service name must not be empty"),
    ],
)
def test_what_a_configuration_may_be(config, problem):
    assert problem in problems({"rule_name": "r", **config})
