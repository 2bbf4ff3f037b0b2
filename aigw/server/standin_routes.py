"""The stand-ins that clients may call over HTTP: their paths, their routes, and the message for one that is off.

Rule: the route of a stand-in comes before all others, is called `standins.NAME`, and of the plugins it has only those
that let callers in."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from aigw.clients import dashscope, dashvector, green_cip
from aigw.config.model import MatchConfig, StandinsConfig
from aigw.core.errors import GatewayError
from aigw.core.model import Origin, Route, Target
from aigw.standins.dashscope_text import PREFIX as TEXT_PREFIX
from aigw.standins.dashvector.standin import COLLECTIONS_PATH, VERSION_PATH

ROOT = "/"
PATHS: Mapping[str, Sequence[str]] = {
    dashvector.STANDIN: (VERSION_PATH, COLLECTIONS_PATH, f"{COLLECTIONS_PATH}/*"),
    dashscope.STANDIN: ("/api/v1/services/embeddings/*", f"{TEXT_PREFIX}*"),
    green_cip.STANDIN: (ROOT,),
}
_HOSTS: Mapping[str, Sequence[str]] = {dashscope.STANDIN: (dashscope.EMBED_HOST,), green_cip.STANDIN: green_cip.HOSTS}
"""The names of the cloud services. A Higress whose service leads here still sends them as Host."""
_CHECKED = {green_cip.STANDIN: green_cip.SIGNED_STANDIN}
"""The stand-ins that have another one for clients, because clients must sign their requests."""


def names_on(config: StandinsConfig) -> list[str]:
    """Returns the names of the stand-ins that the configuration lets clients call."""
    return [name for name in PATHS if getattr(config, name.replace("-", "_"))]


def hosts(config: StandinsConfig) -> list[str]:
    """The names by which clients may call those that are on."""
    return [host for name in names_on(config) for host in _HOSTS.get(name, ())]


def route_name(name: str) -> str:
    return f"standins.{name}"


def routes(config: StandinsConfig, there: Collection[str]) -> list[tuple[MatchConfig, Route]]:
    """`there` are the stand-ins that this gateway has."""
    return [
        (_match(path), Route(route_name(name), target=Target(Origin("standin", _CHECKED.get(name, name), 0), name)))
        for name in names_on(config)
        if name in there
        for path in PATHS[name]
    ]


def _match(path: str) -> MatchConfig:
    """A browser that asks for / sees the front page."""
    return MatchConfig(path=path, methods=["POST"] if path == ROOT else [])


def names_off(config: StandinsConfig) -> list[str]:
    return [name for name in PATHS if name not in names_on(config)]


def explained(error: GatewayError, path: str, off: Collection[str]) -> GatewayError:
    """Returns the error or, if it is a 404 because the stand-in for this path is off, one that says how to turn that
    on."""
    name = next((name for name in off if _has(name, path)), None)
    if error.status != 404 or name is None:
        return error
    message = f"{error.message}; `standins: {{{name}: on}}` in aigw.yaml lets this gateway answer it as {name} does"
    return GatewayError(
        404, message, kind=error.kind, code=error.code, param=error.param, headers=error.headers, plain=error.plain
    )


def _has(name: str, path: str) -> bool:
    """Whether a path belongs to the stand-in of this name. A path such as `/`, which says nothing, belongs to none."""
    return path != ROOT and any(
        path.startswith(each[:-1]) if each.endswith("*") else path == each for each in PATHS[name]
    )
