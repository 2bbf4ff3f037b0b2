"""Small plugins to configure: `quiet` replaces the global configuration in a rule, `heir` inherits it."""

from contextlib import asynccontextmanager
from typing import Annotated

import msgspec
import pytest
from fakes import about
from msgspec import Meta

from aigw.config.load import examine
from aigw.core.plugin import Problem


class Provider(msgspec.Struct, rename="camel", frozen=True, kw_only=True):
    """Where to send."""

    type: str
    api_tokens: list[str] = []


class Heir(msgspec.Struct, rename="camel", frozen=True, kw_only=True):
    providers: list[Provider] = []
    active_id: Annotated[str, Meta(description="which one is used")] = ""


class Cache(msgspec.Struct, rename={"cache_ttl": "cacheTTL"}, frozen=True, kw_only=True):
    """Keeps answers."""

    key: str
    cache_ttl: Annotated[int, Meta(ge=0, description="seconds")] = 60
    enabled: bool = True


def check_heir(config):
    known = {provider.type for provider in config.providers}
    if config.active_id and config.active_id not in known:
        yield Problem(("activeId",), f"there is no provider {config.active_id!r}")
    for index, provider in enumerate(config.providers):
        if provider.type == "bad":
            yield Problem(("providers", index, "type"), "unknown provider type: bad")
        if provider.type == "new":
            yield Problem(("providers", index, "type"), "Higress has none", higress_only=True)


@asynccontextmanager
async def build(config, env):
    async def plugin(exchange, call_next):
        return await call_next(exchange)

    yield plugin


ABOUTS = {
    "ai-proxy": about(build, Heir, like="ai-proxy", inherits=True, check=lambda config: list(check_heir(config))),
    "ai-cache": about(build, Cache, like="ai-cache"),
}


@pytest.fixture(scope="session")
def abouts():
    return ABOUTS


@pytest.fixture
def read_config(tmp_path):
    """Writes a configuration and examines it: (loaded or None, errors, notes), the folder's name cut off the lines."""

    def read(text, env=None, dotenv=None):
        path = tmp_path / "aigw.yaml"
        path.write_text(text)
        if dotenv is not None:
            (tmp_path / ".env").write_text(dotenv)
        loaded, report = examine(path, env or {}, ABOUTS.get)
        prefix = f"{tmp_path}/"
        errors, notes = report.format_all(report.errors), report.format_all(report.notes)
        return loaded, [each.removeprefix(prefix) for each in errors], [each.removeprefix(prefix) for each in notes]

    return read
