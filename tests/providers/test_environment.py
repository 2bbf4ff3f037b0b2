"""A start without configuration: which key serves which model."""

import pytest

from aigw.providers.catalog import CATALOG
from aigw.providers.environment import ENV_PROVIDERS, EnvProvider


@pytest.mark.parametrize("provider", ENV_PROVIDERS, ids=lambda provider: provider.variable)
def test_a_key_alone_makes_a_configuration(provider: EnvProvider) -> None:
    assert CATALOG[provider.type].problems({"apiTokens": ["k"]}) == []
    assert provider.models
