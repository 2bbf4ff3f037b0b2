"""Ingresses of the routes of a configuration, each with its destination."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from aigw.config.load import Loaded
from aigw.config.model import DEFAULT_ROUTE, MatchConfig, RouteConfig
from aigw.core.plugin import Destination
from aigw.resources.annotations import OURS, bare
from aigw.resources.exporting.services import Services
from aigw.resources.importing.balance import WEIGHTS
from aigw.resources.importing.unmapped import mapping_of
from aigw.resources.ingress import CLASS
from aigw.resources.report import Findings
from aigw.resources.resource import GATEWAY_NAMESPACE

_NAME = re.compile(r"[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?")
_HOST = re.compile(r"(\*\.)?[a-z0-9]([-a-z0-9.]*[a-z0-9])?")
_BACKEND = {"resource": {"apiGroup": "networking.higress.io", "kind": "McpBridge", "name": "default"}}


def ingress_names(loaded: Loaded) -> dict[str, str]:
    """The name of the Ingress of each route, with its namespace if that is not the gateway's."""
    names: dict[str, str] = {}
    for route in loaded.config.routes or [DEFAULT_ROUTE]:
        namespace, _, name = route.name.rpartition("/")
        if not (_NAME.fullmatch(name) and (not namespace or _NAME.fullmatch(namespace))):
            namespace, name = "", re.sub(r"[^a-z0-9.]+", "-", route.name.lower()).strip("-.")[:200] or "route"
        full = base = f"{namespace}/{name}" if namespace else name
        number = 1
        while full in names.values():
            number += 1
            full = f"{base}-{number}"
        names[route.name] = full
    return names


class Ingresses:
    """The Ingresses of routes. `ours` has, by the name of the route, the parts that only aigw knows. `renamed` are
    services that have another name in the cluster."""

    def __init__(self, loaded: Loaded, services: Services, names: Mapping[str, str], findings: Findings) -> None:
        self._loaded = loaded
        self._services = services
        self._names = names
        self._findings = findings
        self.ours: dict[str, dict[str, Any]] = {}
        self.renamed: dict[str, str] = {}
        self.shared: dict[str, tuple[str, list[tuple[str, str]]]] = {}
        """For each route whose providers share its requests: the plugin, and the id and the destination of each
        provider."""

    def write(self, route: RouteConfig, kept: Mapping[str, Any]) -> dict[str, Any]:
        """`kept` is what an import has kept of it: annotations, and paths that these need."""
        full = self._names[route.name]
        namespace, _, name = full.rpartition("/")
        annotations = {**mapping_of(kept, "annotations"), **self._destination(route)}
        if full != route.name:
            annotations[OURS] = route.name
        path, annotations = self._rewritten(route, kept, *self._path(route, annotations))
        annotations |= dict(_condition(name, value) for name, value in route.match.headers.items())
        if route.match.methods:
            annotations["higress.io/match-method"] = " ".join(route.match.methods)
        if origins := self._loaded.config.cors.origins:
            annotations["higress.io/enable-cors"] = "true"
            annotations["higress.io/cors-allow-origin"] = ",".join(origins)
        hosts = self._hosts(route)
        rules = [{**({"host": host} if host else {}), "http": {"paths": [path]}} for host in hosts or [""]]
        return {
            "apiVersion": "networking.k8s.io/v1",
            "kind": "Ingress",
            "metadata": {"name": name, "namespace": namespace or GATEWAY_NAMESPACE, "annotations": annotations},
            "spec": {"ingressClassName": CLASS, "rules": rules},
        }

    def _keep(self, route: RouteConfig, key: str, value: Any) -> None:
        self.ours.setdefault(route.name, {})[key] = value

    def _hosts(self, route: RouteConfig) -> list[str]:
        wrong = [host for host in route.match.hosts if not _HOST.fullmatch(host)]
        if wrong:
            message = f"an Ingress has no host like {wrong[0]}"
            self._findings.add("none", f"route {route.name}", "match.hosts", message, nearest="whole hosts, or *.HOST")
            self._keep(route, "match", _match(route.match))
        return [host for host in route.match.hosts if host not in wrong]

    def _path(self, route: RouteConfig, annotations: dict[str, str]) -> tuple[dict[str, Any], dict[str, str]]:
        pattern = route.match.path
        kind, path = "Exact", pattern
        if pattern.endswith("/*"):
            kind, path = "Prefix", pattern[:-2] or "/"
            if path != "/":
                message = f"takes {path} itself, too"
                self._findings.add("approximate", f"route {route.name}", "match.path", message)
        elif pattern.endswith("*"):
            kind, path = "ImplementationSpecific", f"{re.escape(pattern[:-1])}.*"
            annotations = {**annotations, "higress.io/use-regex": "true"}
        return {"path": path, "pathType": kind, "backend": _BACKEND}, annotations

    def _rewritten(
        self, route: RouteConfig, kept: Mapping[str, Any], path: dict[str, Any], annotations: dict[str, str]
    ) -> tuple[dict[str, Any], dict[str, str]]:
        """Returns the path and the annotations of a rule. An annotation that rewrites the path refers to the path's
        regular expression. So it goes back with that expression, and is dropped if the route has another path now."""
        rewriting = [name for name in annotations if bare(name) == "rewrite-target"]
        if not rewriting:
            return path, annotations
        written = mapping_of(mapping_of(kept, "paths"), route.match.path)
        if written:
            return {**path, **written}, annotations
        self._findings.add(
            "none", f"route {route.name}", "rewrite-target", "its path is another one now", nearest="the annotation"
        )
        return path, {name: value for name, value in annotations.items() if name not in rewriting}

    def _destination(self, route: RouteConfig) -> dict[str, str]:
        """Returns the annotations that say where requests go."""
        plugin, found, config = self._providers(route)
        remote = [each for each in found if each.scheme]
        if route.upstream:
            for each in remote[1:]:
                self._services.of_provider(each)
            name, host = self._services.of_upstream(route.name, route.upstream, remote[0] if remote else None)
            service = self._loaded.service(route.name)
            if host:
                self.renamed |= {service: name, service.rpartition(":")[0]: name.rpartition(":")[0]}
                return {"higress.io/destination": name, "higress.io/upstream-vhost": host}
            return {"higress.io/destination": name}
        if not remote:
            if not found:
                message = "goes nowhere unless a plugin answers"
                self._findings.add("exact", f"route {route.name}", "upstream", message)
            return {}
        self._keep(route, "upstream", "")
        weights = config.get(WEIGHTS) or {}
        shares = [(each, weights[each.name]) for each in remote if each.name in weights]
        destinations = [self._services.of_provider(each) for each in remote]
        if len(shares) < 2:
            return {"higress.io/destination": destinations[0]}
        names = [(each.name, self._services.of_provider(each)) for each, _ in shares]
        self.shared[route.name] = plugin, names
        total = sum(weight for _, weight in shares)
        percents = _percents([weight / total for _, weight in shares])
        lines = [f"{share}% {name}" for share, (_, name) in zip(percents, names, strict=True)]
        return {"higress.io/destination": "\n".join(lines)}

    def _providers(self, route: RouteConfig) -> tuple[str, Sequence[Destination], dict[str, Any]]:
        """Returns the plugin that sends the requests of a route somewhere, the destinations, which must not depend on
        the host, and the plugin's configuration."""
        service = self._loaded.service(route.name)
        for name, plugin in self._loaded.plugins.items():
            configs = plugin.rules.possible(route.name, service)
            found = plugin.about.destinations(configs[-1]) if configs[-1] is not None else ()
            others = [plugin.about.destinations(each) for each in configs[:-1] if each is not None]
            if any(each and each[0] not in found[:1] for each in others):
                message = "the destination does not depend on the host of a request"
                self._findings.add(
                    "none", f"route {route.name}", f"plugin {name}", message, nearest="a route for each host"
                )
            for each in found:
                if not each.scheme:
                    message = f"{each.type} is a part of aigw"
                    self._findings.add(
                        "none", f"route {route.name}", f"plugin {name}", message, nearest="a provider elsewhere"
                    )
            if found:
                return name, found, msgspec.to_builtins(configs[-1])
        return "", (), {}


def _condition(header: str, value: str) -> tuple[str, str]:
    """Returns the annotation for a condition on a header."""
    if value.endswith("*"):
        return f"higress.io/prefix-match-header-{header}", value[:-1]
    return f"higress.io/exact-match-header-{header}", value


def _percents(shares: Sequence[float]) -> list[int]:
    """Whole percents that make up a hundred, each at least one."""
    found = [max(1, round(100 * share)) for share in shares]
    found[found.index(max(found))] += 100 - sum(found)
    return found


def _match(match: MatchConfig) -> dict[str, Any]:
    written: dict[str, Any] = msgspec.to_builtins(match)
    return {key: value for key, value in written.items() if value}
