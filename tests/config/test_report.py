"""Findings as lines, suggestions, and which keys are secrets."""

import pytest

from aigw.config.report import Report, format_path, is_secret, suggest, without_password


def test_a_finding_is_a_complete_line():
    report = Report("conf/aigw.yaml", {(): 1, ("plugins",): 3, ("plugins", "a"): 4})
    report.error(("plugins", "a", "b", 0), "is wrong")
    report.error((), "is empty", 2)
    report.error((), "is empty", 2)
    assert report.format_all(report.errors) == [
        "conf/aigw.yaml:2: is empty",
        "conf/aigw.yaml:4 plugins.a.b[0]: is wrong",
    ]
    assert Report("x").format_all([]) == []


def test_without_lines_the_name_stands_alone():
    report = Report("x.yaml")
    report.error(("a",), "b")
    assert report.format_all(report.errors) == ["x.yaml a: b"]


def test_paths():
    assert format_path(("plugins", "ai-proxy", "_rules_", 0, "a")) == "plugins.ai-proxy._rules_[0].a"
    assert format_path(("services", "a.b:1")) == "services['a.b:1']"


@pytest.mark.parametrize(
    ("name", "known", "found"),
    [
        ("ttl", ["cacheTTL", "cacheKeyStrategy"], "; did you mean 'cacheTTL'?"),
        ("service_name", ["serviceName", "servicePort"], "; did you mean 'serviceName'?"),
        ("apitoken", ["apiTokens", "type"], "; did you mean 'apiTokens'?"),
        ("zzz", ["a", "b"], "; known: a, b"),
        ("zzz", [], ""),
        ("zzz", [f"key{i}" for i in range(20)], ""),
    ],
)
def test_suggestions(name, known, found):
    assert suggest(name, known) == found


@pytest.mark.parametrize(
    "key",
    ["apiTokens", "api_token", "apiKey", "password", "secretKey", "accessKey", "ak", "sk", "credential", "credentials",
     "token", "redisPassword", "hunyuanAuthKey", "Authorization", "awsSecretKey", "api-key", "securityToken"],
)  # fmt: skip
def test_secret_keys(key):
    assert is_secret(("plugins", "x", key, 0))


@pytest.mark.parametrize(
    "key",
    ["modelKey", "cacheKeyPrefix", "keys", "key-auth", "maxTokens", "token_per_minute", "ai-token-ratelimit", "ask",
     "identityHeader", "serviceName"],
)  # fmt: skip
def test_keys_that_are_no_secrets(key):
    assert not is_secret(("plugins", key))


def test_passwords_in_urls():
    assert without_password("redis://u:p%40w@h:1/0") == "redis://***@h:1/0"
    assert without_password("redis://:pw@h") == "redis://***@h"
    assert without_password("http://h:80/a:b@c") == "http://h:80/a:b@c"


def test_values_in_messages_are_short_and_not_secret():
    report = Report("x", hidden={("a",)})
    assert report.say(("a",), "secret") == "***"
    assert report.say(("password",), "secret") == "***"
    assert len(report.say(("b",), "x" * 1000)) == 60


@pytest.mark.parametrize(
    "url, shown",
    [
        ("http://h/?api-version=1&api-key=SECRET", "http://h/?api-version=1&api-key=***"),
        ("https://TOKEN@h/x", "https://***@h/x"),
        ("redis://u:p@ss@h", "redis://***@h"),
    ],
)
def test_secrets_in_urls(url, shown):
    assert without_password(url) == shown
