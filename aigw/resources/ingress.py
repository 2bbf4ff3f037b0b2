"""Routes as Ingresses tell them. An Ingress with several paths becomes several routes."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import product
from math import prod
from typing import Any, NamedTuple

from aigw.config.check import Checker
from aigw.config.report import Report
from aigw.core.authority import split_authority
from aigw.core.errors import ConfigError
from aigw.dialects import apis
from aigw.resources.annotations import NO_PREFIXES, OURS, STAR, SWITCHES, Meaning, bare, meaning
from aigw.resources.report import Findings
from aigw.resources.resource import CLUSTER, Resource
from aigw.resources.shapes import Backend, IngressPath, IngressSpec
from aigw.resources.unknown import prune

CLASS = "higress"
"""The class of Ingresses that Higress serves by default."""
_CLASS = "kubernetes.io/ingress.class"
"""The annotation that named the class before there was a field for it. A cluster refuses an Ingress with both."""
FALLBACK_HEADER = "x-higress-fallback-from"
"""The header by which Higress sends a request that has failed to the route for failed ones."""
_HEADER = re.compile(r"(exact|prefix|regex)-match-header-(.+)")
_CHOICES = 20
"""How many routes the conditions of one path may become."""
_WEIGHTED = re.compile(r"(?:(\d+)%\s+)?(\S+?)(?::(\d+))?(?:\s+\S+)?")
_LITERALS = r"\^?((?:[^\\.\[\](){}*+?^$|]|\\[^\w])*)"
_START = re.compile(rf"{_LITERALS}([*?{{]?)")
_LITERAL = re.compile(rf"{_LITERALS}(\.\*|\(\.\*\)|\$)?\$?")
_ANY = (".*", "(.*)")
_HOST = re.compile(r"\*|(\*\.)?[A-Za-z0-9]([-\w.]*[A-Za-z0-9])?", re.ASCII)
_EXACT, _REGEX, _LAST = 0, 2, 3


class _Key(NamedTuple):
    """What several hosts of an Ingress can have in common."""

    path: str = "/"
    path_type: str = "Prefix"


_REST = _Key(path_type="the rest")
"""The key of what none of the paths takes."""


class Share(NamedTuple):
    """A destination and its weight. `port` is 0 if none stands there."""

    weight: int
    service: str
    port: int


@dataclass(frozen=True, slots=True)
class IngressRoute:
    """A route of an Ingress. `title` is the name that the route gets. `path` is a pattern of aigw.yaml. `rank` says
    when Higress would try the route: lower ones first. `kept` are annotations without a meaning here. `written` is the
    path as it is written in the resource, if a kept annotation needs it."""

    title: str
    resource: Resource
    path: str
    rank: tuple[Any, ...]
    hosts: list[str] = field(default_factory=list)
    methods: list[str] = field(default_factory=list)
    headers: dict[str, str] = field(default_factory=dict)
    shares: list[Share] = field(default_factory=list)
    vhost: str = ""
    tls: bool = False
    kept: dict[str, str] = field(default_factory=dict)
    origins: list[str] = field(default_factory=list)
    written: IngressPath | None = None

    @property
    def name(self) -> str:
        """The name by which rules of plugins refer to the Ingress."""
        return self.resource.full_name


def read_ingress(resource: Resource, findings: Findings) -> list[IngressRoute]:
    """Raises ConfigError with the line of what a cluster would refuse, too."""
    pruned = prune(resource.values.get("spec") or {}, IngressSpec)
    for path, _ in pruned.unknown:
        field_ = ".".join(map(str, ("spec", *path)))
        findings.add("unknown", resource.what, field_, "is skipped", place=resource.place("spec", *path))
    report = Report(resource.file, resource.source.lines)
    spec = Checker(resource.source, report).convert(pruned.value, IngressSpec, (*resource.start, "spec"))
    if spec is None:
        raise ConfigError(report.format_all(report.errors))
    name = resource.annotations.get(_CLASS, "") or spec.ingress_class_name
    if name not in ("", CLASS):
        message = f"is of the class {name}, which a Higress of the class {CLASS} does not serve; becomes one of {CLASS}"
        findings.add("approximate", resource.what, "spec.ingressClassName", message, place=resource.place("spec"))
    if spec.tls:
        message = "aigw listens without TLS, on this machine"
        findings.add("none", resource.what, "spec.tls", message, place=resource.place("spec", "tls"))
    return list(_routes(resource, spec, findings))


def is_canary(resource: Resource) -> bool:
    """Whether an Ingress only takes a share of the requests of another one with the same paths."""
    return any(
        bare(name) == "canary" and value.strip().lower() == "true" for name, value in resource.annotations.items()
    )


def _routes(resource: Resource, spec: IngressSpec, findings: Findings) -> Iterator[IngressRoute]:
    notes = _Annotations(resource, findings)
    hosts_of: dict[_Key, list[str]] = {}
    paths: dict[_Key, IngressPath] = {}
    for rule in spec.rules:
        for each in rule.http.paths:
            key = _Key(each.path, each.path_type)
            hosts_of.setdefault(key, []).append(rule.host)
            paths.setdefault(key, each)
    if spec.default_backend is not None and "" not in hosts_of.get(_Key(), ()):
        hosts_of[_REST], paths[_REST] = [""], IngressPath(backend=spec.default_backend)
    for key, each in paths.items():
        path, kind = _pattern(each, notes, findings, resource) if key != _REST else ("/*", _LAST)
        for host in hosts_of[key]:
            if host and not _HOST.fullmatch(host):
                message = f"{host!r} is not a host, such as api.example.com or *.example.com"
                raise ConfigError([f"{resource.place('spec', 'rules')} {resource.what}: {message}"])
        hosts = [] if "" in hosts_of[key] or "*" in hosts_of[key] else list(dict.fromkeys(hosts_of[key]))
        rank = (
            min((host.startswith("*") for host in hosts), default=2), kind, -len(each.path),
            -len(notes.headers) - bool(notes.methods),
        )  # fmt: skip
        shares = _backend(each.backend, resource, findings) or notes.shares
        for headers in notes.choices():
            yield IngressRoute(
                notes.name or resource.full_name, resource, path, rank, hosts, notes.methods, headers, shares,
                notes.vhost, notes.tls, notes.kept, notes.origins, each if notes.rewrites else None,
            )  # fmt: skip


class _Annotations:
    """Reads the annotations of one Ingress, and says what becomes of each."""

    def __init__(self, resource: Resource, findings: Findings) -> None:
        self.headers: dict[str, list[str]] = {}
        self.methods: list[str] = []
        self.shares: list[Share] = []
        self.origins: list[str] = []
        pages: list[str] | None = None
        self.vhost = self.name = ""
        self.tls = self.regex = self.rewrites = self.crosses = False
        self.kept: dict[str, str] = {}
        for full, value in resource.annotations.items():
            if full.startswith(CLUSTER) or full == _CLASS:
                continue
            name = bare(full)
            found = _meaning(name, value.strip(), self.headers) if name else None
            place = resource.place("metadata", "annotations", full)
            if name and found is None:
                findings.add("unknown", resource.what, full, "has no meaning here", place=place)
            elif found is not None and (name != OURS):
                findings.add(found.level, resource.what, full, found.message, nearest=found.nearest, place=place)
            if name == "rewrite-target" and value.strip():
                self.rewrites = self.regex = True  # Higress reads all paths as regular expressions then
            if found is None or not found.read:
                self.kept[full] = value
            else:
                self._read(name, value.strip(), resource, findings, place)
            if name == "cors-allow-origin":
                pages = list(_origins(value, resource, findings, place))
        if self.crosses:
            self.origins = ["*"] if pages is None else pages

    def choices(self) -> Iterator[dict[str, str]]:
        """The headers that a request must have, one choice after the other."""
        for values in product(*self.headers.values()):
            yield dict(zip(self.headers, values, strict=True))

    def _read(self, name: str, value: str, resource: Resource, findings: Findings, place: str) -> None:
        if header := _HEADER.fullmatch(name):
            self.headers[header[2].lower()] = _patterns(header[1], value)
        elif name == "match-method":
            self.methods = [method.upper() for method in re.split(r"[\s,]+", value) if method]
        elif name == "use-regex":
            self.regex = self.rewrites or value.lower() == "true"
        elif name == "upstream-vhost":
            self.vhost = value
        elif name == "backend-protocol":
            self.tls = value.upper() in ("HTTPS", "GRPCS")
            if value.upper() not in ("HTTP", "HTTPS"):
                findings.add("none", resource.what, name, f"{value} is not spoken to upstreams", place=place)
        elif name == "enable-cors":
            self.crosses = value.lower() == "true"
        elif name == OURS:
            self.name = value
        elif name == "destination":
            self.shares = list(_shares(value, resource, place))


def _origins(value: str, resource: Resource, findings: Findings, place: str) -> Iterator[str]:
    for origin in filter(None, map(str.strip, value.split(","))):
        if origin == "*" or "*" not in origin:
            yield origin
            continue
        message = f"no page of {origin} may call"
        nearest = "cors: origins with the whole names"
        findings.add("none", resource.what, "cors-allow-origin", message, nearest=nearest, place=place)


def _meaning(name: str, value: str, others: Mapping[str, list[str]]) -> Meaning | None:
    """Returns what becomes of an annotation with this value. `name` has no prefix, `others` are the headers read so
    far."""
    if name in SWITCHES and value.lower() == "false":
        return Meaning("exact")
    header = _HEADER.fullmatch(name)
    if header and not 0 < len(_patterns(header[1], value)) * prod(map(len, others.values())) <= _CHOICES:
        return NO_PREFIXES
    return STAR if header and header[1] == "exact" and value.endswith("*") else meaning(name)


def _patterns(kind: str, value: str) -> list[str]:
    """The values that a header may have: whole ones, or prefixes that end in `*`. None if that cannot be said so."""
    if kind != "regex":
        return [f"{value}*" if kind == "prefix" else value]
    found = [_LITERAL.fullmatch(each) for each in value.split("|")] if value else []
    parts = [(re.sub(r"\\(.)", r"\1", each[1]), each[2] in _ANY) for each in found if each]
    if len(parts) < len(found) or any(text.endswith("*") for text, _ in parts):
        return []
    return [f"{text}*" if is_open else text for text, is_open in parts]


def _shares(text: str, resource: Resource, place: str) -> Iterator[Share]:
    for line in filter(None, map(str.strip, re.split(r"[\r\n]+", text))):
        found = _WEIGHTED.fullmatch(line)
        if found is None or not _is_address(found[2]) or int(found[3] or 0) > 65535:
            message = f"{line!r} is not `[weight%] service[:port]`, such as `80% llm.internal.dns:443`"
            raise ConfigError([f"{place} {resource.what}: destination: {message}"])
        yield Share(int(found[1] or 100), found[2], int(found[3] or 0))


def _is_address(service: str) -> bool:
    try:
        split_authority(service)
    except ValueError:
        return False
    return True


def _backend(backend: Backend, resource: Resource, findings: Findings) -> list[Share]:
    """The Kubernetes service of a path. A McpBridge says nothing: the destination is in an annotation."""
    if backend.service is None or not backend.service.name:
        return []
    service, port = backend.service, backend.service.port
    name = f"{service.name}.{resource.namespace}.svc.cluster.local"
    if not port.number:
        message = f"which port of {name} is called {port.name or '?'} only the cluster knows; 80 is taken"
        nearest = f"write its address into services: {name}: http://..."
        findings.add(
            "approximate", resource.what, "destination", message, nearest=nearest, place=resource.place("spec")
        )
    return [Share(100, name, port.number or 80)]


def _pattern(each: IngressPath, notes: _Annotations, findings: Findings, resource: Resource) -> tuple[str, int]:
    """The path as aigw.yaml has it, and its rank."""
    path = each.path if each.path.startswith("/") else f"/{each.path}"
    what, field_ = resource.what, f"path {each.path}"
    if notes.regex:
        found = _LITERAL.fullmatch(each.path)
        whole = bool(found and found[2] == "$")
        literal = re.sub(r"\\(.)", r"\1", found[1]) if found else _beginning(each.path)
        if found is None:
            message = f"is a regular expression; all that begins with {literal} is taken"
            findings.add(
                "none", what, field_, message, nearest="a path, or one that ends in *", place=resource.place("spec")
            )
        return (literal, _EXACT) if whole else (f"{literal or '/'}*", _REGEX)
    if "*" in path:
        findings.add("none", what, field_, "has a *, which is a letter there", place=resource.place("spec"))
        path = path.replace("*", "")
    if each.path_type == "Exact":
        return path, _EXACT
    if path == "/":
        return "/*", 1
    if apis.detect(path.rstrip("/")):
        message = f"takes all that begins with {path.rstrip('/')}"
        findings.add("approximate", what, field_, message, place=resource.place("spec"))
        return f"{path.rstrip('/')}*", 1
    message = f"takes what is below {path.rstrip('/')}/, and not that path itself"
    findings.add("approximate", what, field_, message, nearest="a second route for it", place=resource.place("spec"))
    return f"{path.rstrip('/')}/*", 1


def _beginning(pattern: str) -> str:
    """Returns the text with which everything begins that a regular expression matches."""
    found = _START.match(pattern)
    if found is None or _has_choice(pattern):
        return "/"
    text = re.sub(r"\\(.)", r"\1", found[1])
    text = text[:-1] if found[2] else text
    return text if text.startswith("/") else "/"


def _has_choice(pattern: str) -> bool:
    """Whether the expression as a whole is a choice, as `/a|/b`."""
    depth = 0
    for letter in re.sub(r"\\.", "", pattern):
        depth += {"(": 1, ")": -1}.get(letter, 0)
        if letter == "|" and depth <= 0:
            return True
    return False
