"""aigw/plugins/ai_security_guard/config.py: both forms, and what is wrong in them."""

import msgspec
import pytest

from aigw.plugins.ai_security_guard.config import Config, check
from aigw.plugins.ai_security_guard.consumers import ByConsumer

TODAY = {
    "serviceName": "green.dns", "serviceHost": "green.example", "accessKey": "a", "secretKey": "s", "checkRequest": True,
}  # fmt: skip
ARTICLE = {
    "serviceSource": "dns", "serviceName": "green-cip", "servicePort": 443,
    "domain": "green-cip.cn-hangzhou.aliyuncs.com", "ak": "A", "sk": "S",
}  # fmt: skip


def problems(**config):
    return [problem.message for problem in check(msgspec.convert(config, Config)) if not problem.note]


@pytest.mark.parametrize("config", [TODAY, ARTICLE, {"checkRequest": True}, {**ARTICLE, "sk": ""}])
def test_right(config):
    assert problems(**config) == []


@pytest.mark.parametrize(
    ("missing", "message"),
    [
        ("serviceName", "invalid service config: serviceName is missing"),
        ("serviceHost", "invalid service config: serviceHost is missing"),
        ("accessKey", "invalid AK/SK config: accessKey is missing"),
        ("secretKey", "invalid AK/SK config: secretKey is missing"),
    ],
)
def test_what_is_missing(missing, message):
    (found,) = problems(**{**TODAY, missing: ""})
    assert found.startswith(message)


def test_a_name_that_is_no_expression():
    (problem,) = check(msgspec.convert({**TODAY, "consumerRiskLevel": [{"name": "(", "matchType": "regexp"}]}, Config))
    assert problem.path == ("consumerRiskLevel", 0, "name")


def test_a_guard_that_checks_nothing_is_noted():
    (problem,) = check(Config())
    assert problem.note


@pytest.mark.parametrize(("config", "timeout"), [(TODAY, 2000), (ARTICLE, 500), ({"timeout": 7}, 7)])
def test_the_timeout_depends_on_the_form(config, timeout):
    assert msgspec.convert(config, Config).timeout == timeout


@pytest.mark.parametrize(
    ("bars", "found"),
    [
        ({"riskLevelBar": "High", "sensitiveDataLevelBar": "s3", "contentModerationLevelBar": "MAX"}, []),
        ({"riskLevelBar": "none"}, []),
        ({"riskLevelBar": "some"}, ["invalid riskLevelBar, value must be one of [max, high, medium, low]"]),
        ({"sensitiveDataLevelBar": "S0"}, ["invalid sensitiveDataLevelBar, value must be one of [S4, S3, S2, S1]"]),
        ({"consumerRiskLevel": {"name": "a", "promptAttackLevelBar": "none"}}, []),
        (
            {"consumerRiskLevel": [{"name": "a", "promptAttackLevelBar": "no"}]},
            ["invalid promptAttackLevelBar, value must be one of [max, high, medium, low]"],
        ),
    ],
)
def test_bars(bars, found):
    assert problems(**TODAY, **bars) == found


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("responseImageCheckService", "img_response_security_check"), ("bufferFlushTimeInterval", 100), ("apiType", "mcp"),
        ("consumerRequestCheckService", [{"matchType": "exact", "requestCheckService": "other"}]),
    ],
)  # fmt: skip
def test_what_has_no_effect_is_noted(key, value):
    (problem,) = check(msgspec.convert({**TODAY, key: value}, Config))
    assert (problem.path[0], problem.note) == (key, True)


def test_an_entry_without_a_name_is_for_nobody():
    entry = {"requestCheckService": "other", "matchType": "exact"}
    entries = msgspec.convert({**TODAY, "consumerRequestCheckService": entry}, Config).consumer_request_check_service
    assert ByConsumer(entries).find("") is None
