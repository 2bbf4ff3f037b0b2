"""What a command changes in a configuration before it starts a gateway with it for itself."""

from __future__ import annotations

from dataclasses import replace

from msgspec.structs import replace as changed_to

from aigw.config.load import Loaded
from aigw.config.services import ServiceTable
from aigw.stores.redis.url import is_redis_url

FREE_PORT = "127.0.0.1:0"


def at_free_port(loaded: Loaded) -> Loaded:
    return replace(loaded, config=changed_to(loaded.config, listen=FREE_PORT))


def without_redis(loaded: Loaded) -> Loaded:
    """Returns the same configuration without what it shares with others, so that nothing is counted there."""
    services = {name: url for name, url in loaded.services.items() if not is_redis_url(url)}
    return replace(loaded, services=ServiceTable(services))
