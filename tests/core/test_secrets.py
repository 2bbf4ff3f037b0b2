"""Which names and keys stand for secrets, and what is hidden of URLs."""

import pytest

from aigw.core.secrets import MASK, is_hidden, is_secret, masked, names_secret, without_password


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


@pytest.mark.parametrize(
    "name",
    ["authorization", "Proxy-Authorization", "x-api-key", "api-key", "X-Goog-Api-Key", "cookie", "set-cookie", "key",
     "ocp-apim-subscription-key", "x-amz-security-token", "access_token", "X-Amz-Signature", "sig", "x-auth", "pwd",
     "apiTokens"],
)  # fmt: skip
def test_names_of_secrets(name):
    assert names_secret(name)


@pytest.mark.parametrize(
    "name",
    ["content-type", "host", "x-forwarded-authority", "author", "anthropic-beta", "x-ratelimit-remaining-tokens",
     "idempotency-key", "api-version", "design", "keep-alive", "x-mse-consumer"],
)  # fmt: skip
def test_harmless_names(name):
    assert not names_secret(name)


@pytest.mark.parametrize(
    ("path", "value", "hidden"),
    [
        (("provider", "password"), 12345678, True),
        (("provider", "password"), True, False),
        (("redis", "secret", 0), "x", True),
        (("limits", "inputTokens"), 5, False),
        (("limits", "inputTokens"), "5", True),
        (("name",), "x", False),
    ],
)
def test_values_that_are_secrets(path, value, hidden):
    assert is_hidden(path, value) is hidden


@pytest.mark.parametrize(
    "text", ["a Bearer abcdef123 b", "http://u:p@h/?api_key=abc&x=1", '{"password": "p"} sk-abcdefghij']
)
def test_a_masked_text_keeps_its_places(text):
    shown = masked(text)
    assert len(shown) == len(text) and MASK in shown
    assert all(before == after or after == MASK for before, after in zip(text, shown, strict=True))
