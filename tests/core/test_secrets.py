"""Which names and keys stand for secrets, and what is hidden of URLs."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aigw.core.secrets import (
    MASK,
    is_hidden,
    is_secret,
    masked,
    names_secret,
    shapes_in,
    without_password,
    without_shapes,
)


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


@pytest.mark.parametrize(
    "key",
    ["sk-0123456789", "gsk_0123456789", "ghp_0123456789", "xoxb-0123456789", "glpat-0123456789", "dop_v1_0123456789",
     "github_pat_0123456789", "AKIA0123456789AB", "LTAI0123456789", "AIza0123456789abcdef", f"{'0a' * 16}.0123456789AB",
     "eyJ0123456789.0123", "-----BEGIN RSA PRIVATE KEY-----"],
)  # fmt: skip
def test_keys_of_makers(key):
    assert without_shapes(f"a {key} b") in ("a *** b", "a ***")
    assert shapes_in(f"a {key}") == [key]


def test_users_with_a_password_in_a_url():
    said = "a postgres://me:pa55w0rd@db:5432/x b redis://:s3cr3t!@r c"
    assert without_shapes(said) == "a postgres://***@db:5432/x b redis://***@r c"
    assert shapes_in(said) == ["me:pa55w0rd", ":s3cr3t!"]
    assert without_shapes(r'{"a":"http:\/\/me:pa55w0rd@x"}') == r'{"a":"http:\/\/***@x"}'


@pytest.mark.parametrize(
    "text",
    [
        "http://db:5432/me@x", "ssh://git@host", "postgres://user:password@db", "amqp://$USER:${PASS}@db", "a:b@c",
        "http://<user>:<password>@db", "postgres://{user}:{password}@db", "http://***@db",
        'http://a:1","b":"x@y', "http://a:1234\\nb@c",
    ],
)  # fmt: skip
def test_no_password_in_a_url(text):
    assert without_shapes(text) == text


_PARTS = ["sk", "r8", "nvapi", "hf", "-", "_", ".", " ", "x", "é", "eyJ", "AKIA", "AIza", "LTAI", "github_pat_", "0a" * 16,
          "0123456789AB", "abcdefgh", "-----BEGIN ", "PRIVATE KEY-----"]  # fmt: skip


@given(st.lists(st.sampled_from(_PARTS), max_size=8).map("".join))
def test_no_key_is_missed_because_of_its_hint(text):
    assert bool(shapes_in(text)) == (MASK in masked(text))
    assert (without_shapes(text) != text) == (MASK in masked(text))
