"""Reads a YAML file into plain values, with the line of each value, and expands `${NAME}`.

It reads libyaml's events, never objects, so no tag can construct anything; and it bounds what a hostile file may cost.
Scalars mean what they mean where Higress turns YAML into JSON: dates and base-60 numbers are text, and so are keys."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml

from aigw.config.environment import Expanded, expand
from aigw.config.report import Report
from aigw.config.variables import Variables
from aigw.core.json_path import JsonPath
from aigw.core.secrets import is_secret, without_blanks, without_password

_BROKEN = re.compile(r"(?<!\$)\$\{(\w*$|\})")
BLANK = "is blank, and counts as missing"
VALUE_OF = "the value of "
"""How messages about a value from an environment variable begin."""
MAX_BYTES = 1 << 20
MAX_DEPTH = 64
MAX_VALUES = 100_000
"""How many values a file may have, once aliases are followed."""
MAX_STREAM_BYTES = 1 << 24
MAX_STREAM_VALUES = 500_000
"""MAX_BYTES and MAX_VALUES for a stream of documents from a cluster, which may have many resources."""

_TAGS = {f"tag:yaml.org,2002:{name}" for name in ("null", "bool", "int", "float")}
_PLAIN_TAGS = _TAGS | {f"tag:yaml.org,2002:{name}" for name in ("str", "seq", "map", "merge", "timestamp", "value")}


@dataclass(slots=True)
class Source:
    """The values of a file. `lines` has the line of every path. `expanded` has the paths of texts with a reference, and
    the names that the environment supplied for it. `missing` has the paths of texts with names that were not found, and
    these. `dotenv` are the names in `.env`."""

    values: dict[str, Any] = field(default_factory=dict, repr=False)
    lines: dict[JsonPath, int] = field(default_factory=dict)
    expanded: dict[JsonPath, tuple[str, ...]] = field(default_factory=dict)
    missing: dict[JsonPath, tuple[str, ...]] = field(default_factory=dict)
    dotenv: frozenset[str] = frozenset()


def read(
    text: bytes, env: Mapping[str, str], name: str = "aigw.yaml", *, is_file: bool = True
) -> tuple[Source, Report]:
    """Reads a configuration. Mistakes go to the report; the source then holds as much as could be read. Without
    `is_file`, the text is not a file of the user, who cannot change it, and there is no `.env` beside it."""
    source = Source()
    report = Report(name, source.lines, source.expanded)
    if len(text) > MAX_BYTES:
        report.error((), f"the file is larger than {MAX_BYTES} bytes")
        return source, report
    roots = _roots(text, report, lambda parser: [parser.document()])
    if not roots or _is_empty(root := roots[0]):
        return source, report
    if not root.is_mapping:
        report.error((), "must be a mapping of keys to values", root.line)
        return source, report
    given = Variables(env)
    try:
        source.values = _Builder(source, report, given, bares=not _is_higress(root, given), is_file=is_file).build(
            root, ()
        )
    except _UnreadableError as error:
        report.error((), str(error), error.line)
    return source, report


def read_stream(text: bytes, name: str, most: int = MAX_STREAM_VALUES) -> tuple[list[Source], Report]:
    """Reads a stream of documents, each a mapping, in which `${NAME}` means nothing. Empty documents are left out. If
    the report has errors, there are no documents. All together may have `most` values."""
    report = Report(name)
    if len(text) > MAX_STREAM_BYTES:
        report.error((), f"is larger than {MAX_STREAM_BYTES >> 20} MiB; split it")
        return [], report
    sources: list[Source] = []
    count = 0
    for root in _roots(text, report, lambda parser: list(parser.documents())):
        if _is_empty(root):
            continue
        if not root.is_mapping:
            report.error((), "must be a mapping of keys to values", root.line)
            continue
        source = Source()
        report.lines = source.lines
        builder = _Builder(source, report, None, bares=False, most=most - count)
        try:
            source.values = builder.build(root, ())
        except _UnreadableError as error:
            report.error((), str(error), error.line)
            break
        count += builder.count
        sources.append(source)
    report.lines = {}
    return ([] if report.errors else sources), report


def _roots(text: bytes, report: Report, parse: Callable[[_Parser], list[Any]]) -> list[Any]:
    """The roots of the documents; none if the text is no YAML, which the report then says."""
    try:
        return parse(_Parser(text))
    except _UnreadableError as error:
        report.error((), str(error), error.line)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        problem = getattr(error, "problem", None) or getattr(error, "reason", None) or "cannot be read"
        told = f"YAML: {problem}{_hint(text, mark)}"
        if "nesting depth" in problem:  # newer versions of the parser have a bound of their own
            told = f"nested deeper than {MAX_DEPTH} levels"
        report.error((), told, mark.line + 1 if mark else 0)
    return []


def _is_empty(root: _Node | None) -> bool:
    return root is None or root.tag == "tag:yaml.org,2002:null"


def _is_higress(root: _Node, env: Mapping[str, str]) -> bool:
    """Whether the file has `fidelity: higress`. Higress takes secrets as they are."""
    given = (value.value for key, value in root.value if key.value == "fidelity" and isinstance(value.value, str))
    return any(expand(text, env).text.strip() == "higress" for text in given)


def _hint(text: bytes, mark: Any) -> str:
    around = text.splitlines()[max(mark.line - 1, 0) : mark.line + 1] if mark else []
    if around and b"\t" in around[-1][: len(around[-1]) - len(around[-1].lstrip())]:
        return "; indent with spaces: YAML allows no tabs there"
    return "; inside { } and [ ] a ${NAME} must be quoted" if any(b"${" in line for line in around) else ""


class _UnreadableError(Exception):
    def __init__(self, message: str, line: int) -> None:
        super().__init__(message)
        self.line = line


@dataclass(slots=True)
class _Node:
    """A node of a YAML document. `value`: the text of a scalar, the nodes of a sequence, the (key, value) pairs of a
    mapping."""

    tag: str
    value: Any
    line: int
    is_mapping: bool = False


class _Parser:
    """Turns events into nodes. An anchor is known once its node is complete, so that no node can contain itself."""

    def __init__(self, text: bytes) -> None:
        self._loader = yaml.CSafeLoader(text)
        self._anchors: dict[str, _Node] = {}

    def document(self) -> _Node | None:
        """The root of the only document, or None if the file is empty."""
        self._next()
        event = self._next()
        if isinstance(event, yaml.StreamEndEvent):
            return None
        root = self._node(self._next(), 1)
        self._next()
        event = self._next()
        if not isinstance(event, yaml.StreamEndEvent):
            raise _UnreadableError(
                "a second YAML document begins here; the configuration is one document", _line(event)
            )
        return root

    def documents(self) -> Iterator[_Node]:
        """The roots of all documents."""
        self._next()
        while not isinstance(self._next(), yaml.StreamEndEvent):
            self._anchors = {}
            yield self._node(self._next(), 1)
            self._next()

    def _next(self) -> Any:
        return self._loader.get_event()

    def _node(self, event: Any, depth: int) -> _Node:
        line = _line(event)
        if depth > MAX_DEPTH:
            raise _UnreadableError(f"nested deeper than {MAX_DEPTH} levels", line)
        if isinstance(event, yaml.AliasEvent):
            if event.anchor not in self._anchors:
                raise _UnreadableError(f"the alias *{event.anchor} has no anchor before it", line)
            return self._anchors[event.anchor]
        if isinstance(event, yaml.ScalarEvent):
            tag = event.tag
            if tag is None or tag == "!":
                tag = self._loader.resolve(yaml.ScalarNode, event.value, event.implicit)  # type: ignore[no-untyped-call]
            node = _Node(tag, event.value, line)
        elif isinstance(event, yaml.SequenceStartEvent):
            node = _Node(event.tag or "tag:yaml.org,2002:seq", self._until(yaml.SequenceEndEvent, depth), line)
        else:
            flat = self._until(yaml.MappingEndEvent, depth)
            pairs = list(zip(flat[::2], flat[1::2], strict=True))
            node = _Node(event.tag or "tag:yaml.org,2002:map", pairs, line, is_mapping=True)
        if node.tag not in _PLAIN_TAGS:
            raise _UnreadableError(f"the tag {node.tag} is not supported", line)
        if event.anchor is not None:
            self._anchors[event.anchor] = node
        return node

    def _until(self, end: type, depth: int) -> list[_Node]:
        nodes = []
        while not isinstance(event := self._next(), end):
            nodes.append(self._node(event, depth + 1))
        return nodes


class _Builder:
    """Turns nodes into values, and notes the line of each."""

    def __init__(
        self,
        source: Source,
        report: Report,
        env: Variables | None,
        *,
        bares: bool,
        is_file: bool = True,
        most: int = MAX_VALUES,
    ) -> None:
        """Without an `env`, texts stay as they are. `bares`: whether blanks around secrets are removed. `most`: how
        many values there may be."""
        self._is_file = is_file
        self._bares = bares
        self._most = most
        self._source = source
        self._report = report
        self._env = env
        self._scalars = yaml.CSafeLoader("")
        self.count = 0

    def build(self, node: _Node, path: JsonPath, line: int = 0) -> Any:
        self.count += 1
        if self.count > self._most or len(path) > MAX_DEPTH:
            raise self._too_large(node)
        self._source.lines[path] = line or node.line
        if node.is_mapping:
            return self._mapping(node, path)
        if isinstance(node.value, list):
            items = [self.build(item, (*path, index)) for index, item in enumerate(node.value)]
            return self._present(items, path) if self._bares and is_secret(path) else items
        return self._scalar(node, path)

    def _too_large(self, node: _Node) -> _UnreadableError:
        told = f"aliases make this more than {self._most} values, or nest it deeper than {MAX_DEPTH} levels"
        return _UnreadableError(told, node.line)

    def _mapping(self, node: _Node, path: JsonPath) -> dict[str, Any]:
        pairs = self._pairs(node, path)
        return {key: self.build(value, (*path, key), line) for key, (line, value) in pairs.items()}

    def _pairs(self, node: _Node, path: JsonPath, depth: int = 0) -> dict[str, tuple[int, _Node]]:
        """The line and the value of each key: those that `<<` adds, and the mapping's own keys, which win."""
        pairs: dict[str, tuple[int, _Node]] = {}
        merged: list[_Node] = []
        for key, value in node.value:
            self.count += 1
            if isinstance(key.value, list):
                self._report.error(path, "a key must be text", key.line)
            elif key.tag.endswith(":merge"):
                merged += value.value if isinstance(value.value, list) and not value.is_mapping else [value]
            elif key.value in pairs:
                place = (*path, key.value)
                self._report.error(place, f"is given twice; the first is in line {pairs[key.value][0]}", key.line)
            else:
                pairs[key.value] = (key.line, value)
        parts = []
        for part in merged:
            self.count += 1
            if self.count > self._most or depth > MAX_DEPTH:
                raise self._too_large(part)
            if part.is_mapping:
                parts.append(self._pairs(part, path, depth + 1))
            else:
                self._report.error(path, "<< takes a mapping or a list of mappings", part.line)
        every: dict[str, tuple[int, _Node]] = {}
        for found in (*reversed(parts), pairs):
            every.update(found)
        return every

    def _scalar(self, node: _Node, path: JsonPath) -> Any:
        if node.tag in _TAGS and not (node.tag.endswith(("int", "float")) and ":" in node.value):
            try:
                return self._scalars.construct_object(yaml.ScalarNode(node.tag, node.value))
            except (ValueError, KeyError, IndexError):
                self._report.error(path, f"is not a value of the kind {node.tag.rpartition(':')[2]}", node.line)
                return None
        if self._env is None:
            return node.value
        result = expand(node.value, self._env)
        if result.touched:
            self._source.expanded[path] = result.names
        if result.missing:
            self._source.missing[path] = result.missing
        if _BROKEN.search(result.text) and is_secret(path):
            self._report.note(path, "has a ${ that is no reference, and is used as it is; a reference is ${NAME}")
        for name in result.missing:
            more = f", put it into .env, or write ${{{name}:-default}}" if self._is_file else ""
            said = self._env.why.get(name) or f"the environment has no {name}; set it{more}"
            self._report.error(path, said, node.line)
        return self._bared(node.value, result, path) if self._bares else result.text

    def _bared(self, text: str, result: Expanded, path: JsonPath) -> str:
        """The text; if it is a secret, without blanks around it and around the values that the environment supplied."""
        if not (is_secret(path) or is_secret(result.names) or without_password(result.text) != result.text):
            return result.text
        env = self._env
        assert env is not None
        bare = without_blanks(expand(text, {name: without_blanks(env[name]) for name in result.names}).text)
        whose = f"{VALUE_OF}{', '.join(result.names)} " if result.names else ""
        if bare and bare != result.text:
            said = "has blanks or line breaks around it, which are no part of it and are removed"
            self._report.note(path, f"{whose}{said}")
        elif bare != result.text:
            self._report.note(path, f"{whose}{BLANK}")
        return bare

    def _present(self, items: list[Any], path: JsonPath) -> list[Any]:
        """A list of secrets without those that are blank."""
        for index, item in enumerate(items):
            if item == "":
                self._report.note((*path, index), BLANK)
        return [item for item in items if item != ""]


def _line(event: Any) -> int:
    return int(event.start_mark.line) + 1
