"""The configuration of a provider: what a 0 means, and what is empty."""

import msgspec
import pytest

from aigw.providers.config import Failover, ProviderConfig, RetryOnFailure


@pytest.mark.parametrize("key", ["failureThreshold", "successThreshold", "healthCheckInterval", "healthCheckTimeout"])
def test_0_is_the_default(key):
    assert msgspec.convert({key: 0}, Failover) == Failover()
    assert msgspec.convert({key: 2}, Failover) != Failover()


def test_the_safety_settings_of_vertex_have_a_name_in_higress_and_one_in_its_documentation():
    config = msgspec.convert({"type": "vertex", "vertexGeminiSafetySetting": {"A": "B"}}, ProviderConfig)
    assert config.vertex_safety_setting == {"A": "B"}


@pytest.mark.parametrize(
    ("kind", "nothing"),
    [
        (Failover, {"failoverOnStatus": []}),
        (RetryOnFailure, {"maxRetries": 0, "retryTimeout": 0, "retryOnStatus": []}),
        (ProviderConfig, {"type": "x", "timeout": 0, "protocol": "", "reasoningContentMode": ""}),
        (ProviderConfig, {"type": "x", "contextCleanupCommands": ["", ""]}),
    ],
)
def test_what_is_empty_is_the_default(kind, nothing):
    assert msgspec.convert(nothing, kind) == (kind() if kind is not ProviderConfig else kind(type="x"))
