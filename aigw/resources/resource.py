"""Kubernetes resources in a stream of YAML: many documents, lists of resources, each value with its line."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from aigw.config.plugins import plugins_with
from aigw.config.report import Report
from aigw.config.source import Source, read_stream
from aigw.core.errors import ConfigError
from aigw.core.json_path import JsonPath

GATEWAY_NAMESPACE = "higress-system"
"""The namespace in which Higress is installed, with the resources of its console. Resources without a namespace count
as being in it."""
CLUSTER = "kubectl.kubernetes.io/"
"""The prefix of annotations that tools of Kubernetes add. They contain whole resources."""
_METADATA = ("name", "namespace", "labels")


@dataclass(frozen=True, slots=True, repr=False)
class Resource:
    """One resource. `start` leads to it in its document."""

    kind: str
    name: str
    namespace: str
    values: dict[str, Any]
    file: str = ""
    source: Source = field(default_factory=Source)
    start: JsonPath = ()

    @property
    def what(self) -> str:
        """The kind and the name, as they stand in a report."""
        return f"{self.kind} {self.full_name}"

    @property
    def full_name(self) -> str:
        """The name, as rules of plugins name an Ingress: with its namespace, unless that is the gateway's own."""
        return self.name if self.namespace == GATEWAY_NAMESPACE else f"{self.namespace}/{self.name}"

    @property
    def metadata(self) -> dict[str, Any]:
        return mapping(self.values.get("metadata"))

    @property
    def annotations(self) -> dict[str, str]:
        return _texts(self.metadata.get("annotations"))

    @property
    def labels(self) -> dict[str, str]:
        return _texts(self.metadata.get("labels"))

    def portable(self) -> dict[str, Any]:
        """The resource as somebody wrote it, without what a cluster has added."""
        metadata = {key: self.metadata[key] for key in _METADATA if self.metadata.get(key)}
        annotations = {key: value for key, value in self.annotations.items() if not key.startswith(CLUSTER)}
        if annotations:
            metadata["annotations"] = annotations
        rest = {key: value for key, value in self.values.items() if key not in ("metadata", "status")}
        return {**rest, "metadata": metadata}

    def place(self, *steps: str | int) -> str:
        """Returns the file and the line of a value, or of the nearest place around it."""
        line = Report(self.file, self.source.lines).line((*self.start, *steps))
        return f"{self.file}:{line}" if line else self.file


def mapping(value: Any) -> dict[str, Any]:
    """The value, or {} if it is no mapping."""
    return value if isinstance(value, dict) else {}


def read_resources(text: bytes, file: str) -> list[Resource]:
    """All resources in the text of a file. Raises ConfigError with a line for each mistake."""
    sources, report = read_stream(text, file)
    found: list[Resource] = []
    for source in sources:
        report.lines = source.lines
        found += _resources(source.values, source, (), report)
    if report.errors:
        raise ConfigError(report.format_all(report.errors))
    return found


def _resources(values: Any, source: Source, start: JsonPath, report: Report) -> Iterator[Resource]:
    kind = values.get("kind") if isinstance(values, dict) else None
    if not isinstance(kind, str) or not kind:
        names = plugins_with(values) if isinstance(values, dict) and values else []
        remedy = f"; it is the configuration of {' or '.join(names)}, which belongs into aigw.yaml" if names else ""
        report.error(start, f"is not a Kubernetes resource: it has no kind, such as `kind: WasmPlugin`{remedy}")
        return
    items = values.get("items")
    if kind.endswith("List") and items is not None and not isinstance(items, list):
        report.error((*start, "items"), f"must be a list of resources, as this is a {kind}")
        return
    if kind.endswith("List") and isinstance(items, list):
        for index, item in enumerate(items):
            yield from _resources(item, source, (*start, "items", index), report)
        return
    metadata = mapping(values.get("metadata"))
    name, namespace = metadata.get("name"), metadata.get("namespace") or GATEWAY_NAMESPACE
    if not isinstance(name, str | int) or name == "":
        report.error((*start, "metadata"), f"this {kind} needs a name; write metadata: {{name: ...}}")
        return
    yield Resource(kind, str(name), str(namespace), values, report.name, source, start)


def _texts(value: Any) -> dict[str, str]:
    """Returns a mapping of texts. Other values, which a cluster would refuse, are read as the texts that they look
    like."""
    return {
        key: item if isinstance(item, str) else str(item).lower() if isinstance(item, bool) else str(item)
        for key, item in mapping(value).items()
        if item is not None and not isinstance(item, dict | list)
    }
