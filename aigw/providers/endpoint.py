"""Finds the address and the paths of a configured provider, from its row in the catalog and its configuration. This is
done once, when the configuration is read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import SplitResult, quote

from aigw.core.authority import origin_of
from aigw.core.model import Origin
from aigw.dialects import apis
from aigw.dialects.paths import read
from aigw.providers.provider import Config, Provider, parse_url, split_domain


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a provider is. `origin` is None for the route's own service. `authority` is the Host header, "" for the
    client's Host."""

    origin: Origin | None
    authority: str
    paths: Mapping[str, str]
    """API name -> path, including the configured `capabilities`."""
    path: str = ""
    """The path for all requests if the configured URL is an endpoint, else ""."""
    query: str = ""
    """The query that is added to every path."""
    deployment: str = ""
    """Replaces `{model}` in a path. If it is "", the mapped model does."""
    headers: Mapping[str, str] = field(default_factory=dict)

    def offers(self, api: str) -> bool:
        """Whether an API has a path. A URL that is the endpoint of one API offers no other."""
        if self.path:
            return read(self.path).api in ("", api)
        return api in self.paths

    def path_of(self, api: str | None, original: str, model: str = "") -> str | None:
        """Returns the path of a request at the provider, None if the client's path is to be used. The model in a path
        is escaped, because it comes from the client. If there is no model, the path contains "placeholder", as in
        Higress. Raises ValueError for a model that would change the path."""
        if self.path:
            return self.path
        template = self.paths.get(api) if api else None
        if not template:
            return None
        if "{model}" in template and (name := self.deployment or model):
            if {".", ".."} & set(name.replace("\\", "/").split("/")):
                raise ValueError(f"the model {name!r} cannot be a part of a path")
            template = template.replace("{model}", quote(name, safe="@"))
        return apis.fill(template, original, api or "").replace("{model}", "placeholder")


def locate(provider: Provider, config: Config, *, own_paths: bool = True) -> Endpoint:
    """Returns the endpoint for a configuration without `Provider.problems`. Without `own_paths`, only Higress's paths
    are used. Raises ValueError if the host is not valid."""
    row = provider.variant(config)
    paths: Mapping[str, str] = {**row.paths, **row.own_paths} if own_paths else row.paths
    paths = {api: _insert(path, row.path_values, config) for api, path in paths.items()}
    shape: dict[str, Any] = {"query": row.query}
    scheme, host, port = row.scheme, str(config.get(row.host_field) or row.host), row.default_port
    host = _insert(host, row.path_values, config)
    if not row.host:
        scheme, host = split_domain(host, scheme)
    if row.port_field:
        host = f"{f'[{host}]' if ':' in host else host}:{config[row.port_field]}"
    if given := config.get(row.url_field):
        url = parse_url(given)
        scheme, host, port = url.scheme or row.scheme, url.netloc.rpartition("@")[2], 0
        paths, shape = _below(row, url, paths)
    capabilities = {name: path for name, path in (config.get("capabilities") or {}).items() if name in apis.NAMES}
    paths = {**paths, **capabilities}
    return Endpoint(
        origin=origin_of(scheme, host, port) if host else None,
        authority=host,
        paths={**_paths_beside(paths), **paths} if own_paths else paths,
        headers={h.name: next((str(config[f]) for f in h.fields if config.get(f)), h.default) for h in row.headers},
        **shape,
    )


_BESIDE = {
    apis.RETRIEVE_MODEL: (apis.MODELS, "/{rest}"),
    apis.RETRIEVE_RESPONSE: (apis.RESPONSES, "/{rest}"),
    apis.COMPACT_RESPONSE: (apis.RESPONSES, "/compact"),
}
"""APIs that a provider has if it has another one, with their paths below the path of that one."""


def _paths_beside(paths: Mapping[str, str]) -> dict[str, str]:
    return {api: paths[other] + below for api, (other, below) in _BESIDE.items() if other in paths}


def _insert(path: str, values: Mapping[str, str], config: Config) -> str:
    for placeholder, key in values.items():
        path = path.replace(placeholder, str(config.get(key) or ""))
    return path


def _below(row: Provider, url: SplitResult, paths: Mapping[str, str]) -> tuple[Mapping[str, str], dict[str, Any]]:
    """Returns the paths below a configured URL, and the other fields of `Endpoint` that depend on the URL."""
    shape: dict[str, Any] = {"query": url.query or row.query}
    path = url.path.rstrip("/")
    if row.deployments:
        name, _, rest = path.removeprefix(row.deployments).partition("/")
        if path.startswith(row.deployments) and not rest:
            return paths, {**shape, "deployment": name}
        if path == row.versioned_base:
            return {api: path + apis.PATHS[api].removeprefix("/v1") for api in paths}, shape
        return paths, {**shape, "path": url.path if path else ""}
    if path.endswith(row.endpoint_suffixes):
        return paths, {**shape, "path": path}
    return {api: path + known.removeprefix("/v1") for api, known in paths.items()}, shape
