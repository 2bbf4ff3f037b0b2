"""Values that somebody made up to be secret, and what else stands behind such names."""

import pytest

from aigw.guard.plausible import is_made_up, is_secret_value


@pytest.mark.parametrize(
    "value", ["Summer2024", "Sample-Passw0rd", "x9!kPq", "0f3a9b7c1d2e4f5a6b7c8d9e", "correct-Horse7"]
)
def test_secret(value):
    assert is_secret_value(value, least=3)


@pytest.mark.parametrize(
    "value",
    [
        "your-api-key-123", "YOUR_KEY", "password", "${TOKEN}", "$TOKEN1a", "{{ secret.X1 }}", "<token>", "os.environ.K1", "xxxxxxxxxxX1",
        "********", "config.Token2", "api_key2", "https://x.io/A1", "./Path/to1", "null", "12:30:45", "hunter22", "changeme", "...",
        "process.env.KEY_1", "_AzureApiKeyT", "entity_mask2_token", "/^Unexpected", "#ddd0c0", "sha256_hash_v2_function",
    ],
)  # fmt: skip
def test_no_secret(value):
    assert not is_secret_value(value, least=3)


def test_less_is_enough_where_more_is_asked_for():
    assert is_secret_value("hunter22", least=2)
    assert is_secret_value("swordfish", least=3, long=8)


@pytest.mark.parametrize(
    ("value", "made_up"), [("a1b2c3d4e5", True), ("management-system", False), ("aa11aa11", False)]
)
def test_made_up(value, made_up):
    assert is_made_up(value) is made_up
