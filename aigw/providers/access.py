"""Authenticates requests for providers that take no API token but an access token of a service account, or a signature.

Rule: only those keys of a configuration are used that belong to the provider's own type."""

from __future__ import annotations

from typing import NamedTuple

from aigw.core.env import Env
from aigw.providers.aws import Keys, Sign, signer
from aigw.providers.config import ProviderConfig
from aigw.providers.google import REFRESH_AHEAD, ServiceAccount
from aigw.providers.provider import Provider


class Access(NamedTuple):
    """`account` gets the tokens, `sign` signs requests that are complete; None where the configuration has no keys for
    that."""

    account: ServiceAccount | None = None
    sign: Sign | None = None


def access_of(config: ProviderConfig, row: Provider, env: Env) -> Access:
    """Raises ValueError for a key that cannot be used, and for a library that is not installed."""
    if row.takes_account and config.vertex_auth_key:
        return Access(ServiceAccount(config.vertex_auth_key, config.vertex_token_refresh_ahead or REFRESH_AHEAD, env))
    if row.signs and config.aws_access_key and config.aws_secret_key:
        keys = Keys(config.aws_access_key, config.aws_secret_key, config.aws_session_token)
        return Access(sign=signer(keys, config.aws_region, row.signs, env.clock.time))
    return Access()
