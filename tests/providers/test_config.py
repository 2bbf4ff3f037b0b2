"""The configuration of a provider: what a 0 means."""

import msgspec
import pytest

from aigw.providers.config import Failover


@pytest.mark.parametrize("key", ["failureThreshold", "successThreshold", "healthCheckInterval", "healthCheckTimeout"])
def test_0_is_the_default(key):
    assert msgspec.convert({key: 0}, Failover) == Failover()
    assert msgspec.convert({key: 2}, Failover) != Failover()
