"""Secrets of configurations, as references in their place: `${NAME}` in aigw.yaml, `${secret.aigw.NAME}` in a cluster,
which Higress replaces by the key NAME of the Secret `aigw`.

No secret gets into a file. `Variables` remembers which variables there are and what belongs into them."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from typing import Any

from aigw.core.json_path import JsonPath
from aigw.core.secrets import is_hidden, masked, shapes_in, without_password
from aigw.providers.suggestions import variable_of

SECRET = "aigw"  # noqa: S105  the name of the resource
_OURS = re.compile(r"(\$+)(?=\{[A-Za-z_][A-Za-z0-9_]*(?::-[^}]*)?\})")
_IN_CLUSTER = re.compile(r"\$\{secret\.((?:[^/}.]+/)?[^.}/]+)\.([^}]+)\}")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_SHORT = 2000
_URL = re.compile(r"[a-z][a-z0-9+.-]*://\S+")
_ANYWHERE = ("name", "id", "type")
"""Keys beside a secret that say whose it is."""


def in_file(name: str) -> str:
    return f"${{{name}}}"


def in_cluster(name: str) -> str:
    return f"${{secret.{SECRET}.{name}}}"


def literal(text: str) -> str:
    """Escapes a text so that aigw.yaml reads it as it is, although it contains something like a reference."""
    return _OURS.sub(lambda found: found[1] * 2, text)


def references_in(value: Any) -> set[str]:
    """The keys of the Secret `aigw` that texts refer to."""
    if isinstance(value, dict | list):
        inside = value.values() if isinstance(value, dict) else value
        return {key for item in inside for key in references_in(item)}
    found = _IN_CLUSTER.findall(value) if isinstance(value, str) else ()
    return {key for secret, key in found if secret.rpartition("/")[2] == SECRET}


class Variables:
    """The secrets that became references. `values` has the secret of each variable, "" where only the cluster knows it.
    `references` has the names of the secrets of the cluster that became variables, as `name.key`."""

    def __init__(
        self,
        write: Callable[[str], str],
        plain: Callable[[str], str] = str,
        *,
        keep_references: bool = False,
        taken: Collection[str] = (),
        beside: Variables | None = None,
        wary: bool = False,
    ) -> None:
        """`write` makes a reference from a name, `plain` writes a text without one. `keep_references`: references to
        secrets of the cluster stay as they are. `taken` are names that already mean something else. Variables in
        `beside` get the same names here. `wary`: a short text becomes a secret if any part of it may be one."""
        self._wary = wary
        self._taken = frozenset(taken) | (frozenset(beside.values) if beside else frozenset())
        self._write = write
        self._plain = plain
        self._keep_references = keep_references
        self._by_value: dict[str, str] = dict(beside._by_value) if beside else {}
        self.values: dict[str, str] = {}
        self.references: dict[str, str] = {}
        self.places: dict[str, JsonPath] = {}

    def hide(self, value: Any, path: JsonPath, around: tuple[Any, ...] = ()) -> Any:
        """The value with references in the place of its secrets. `around` are the mappings that it stands in."""
        if isinstance(value, dict):
            return {key: self.hide(item, (*path, key), (*around, value)) for key, item in value.items()}
        if isinstance(value, list):
            return [self.hide(item, (*path, index), around) for index, item in enumerate(value)]
        if isinstance(value, str):
            return self._text(value, path, around)
        if value is not None and not isinstance(value, bool) and is_hidden(path, value):
            return self._text(str(value), path, around)
        return value

    def _text(self, text: str, path: JsonPath, around: tuple[Any, ...]) -> str:
        parts, end = [], 0
        for found in _IN_CLUSTER.finditer(text):
            known = found[0] if self._keep_references else self._cluster_variable(found[1], found[2], path)
            parts += [self._shown(text[end : found.start()], path, around), known]
            end = found.end()
        if end and not text[end:]:
            return "".join(parts)
        return "".join([*parts, self._shown(text[end:], path, around)])

    def _cluster_variable(self, secret: str, key: str, path: JsonPath) -> str:
        """Returns the variable for a secret that is in the cluster already."""
        own = secret.rpartition("/")[2] == SECRET or key.isupper()
        name = _upper(key if own else f"{secret.rpartition('/')[2]}_{key}")
        while name in self.values and self.references.get(name) != f"{secret}.{key}":
            name += "_"
        self.references[name] = f"{secret}.{key}"
        self.values.setdefault(name, "")
        self.places.setdefault(name, path)
        return self._write(name)

    def _shown(self, text: str, path: JsonPath, around: tuple[Any, ...]) -> str:
        if not text.strip():
            return text
        if is_hidden(path, text) or self._looks_secret(text):
            return self._write(self._name(text, path, around))
        parts = []
        for shape in dict.fromkeys(shapes_in(text)):
            before, _, text = text.partition(shape)
            parts += [self._plain(before), self._write(self._name(shape, path, around))]
        return "".join([*parts, self._plain(text)])

    def _looks_secret(self, text: str) -> bool:
        if _URL.fullmatch(text) and without_password(text) != text:
            return True
        return self._wary and len(text) <= _SHORT and masked(text) != text

    def _name(self, value: str, path: JsonPath, around: tuple[Any, ...]) -> str:
        if value in self._by_value:
            return self._by_value[value]
        base = name = _proposed(path, around)
        number = 1
        while name in self.values or name in self._taken:
            number += 1
            name = f"{base}_{number}"
        self._by_value[value] = name
        self.values[name] = value
        self.places[name] = path
        return name


def _proposed(path: JsonPath, around: tuple[Any, ...]) -> str:
    """The variable in which people have the key of a provider; else a name made of the place."""
    nearest = around[-1] if around else {}
    last = next((step for step in reversed(path) if isinstance(step, str)), "secret")
    if "token" in last.lower() and (known := variable_of(str(nearest.get("type")))):
        return known
    owner = next((str(nearest[key]) for key in _ANYWHERE if isinstance(nearest.get(key), str)), "")
    keys = [step for step in path if isinstance(step, str) and step not in ("plugins", "_rules_", "routes")]
    parts = [keys[0] if len(keys) > 1 else "", owner or (keys[-2] if len(keys) > 2 else ""), last]
    return _upper("_".join(dict.fromkeys(part for part in parts if part)))


def _upper(text: str) -> str:
    """A name for a variable: apiTokens of qwen becomes QWEN_API_TOKENS."""
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", text)
    name = re.sub(r"[^A-Za-z0-9]+", "_", words).strip("_").upper()
    return name if _NAME.fullmatch(name) else f"SECRET_{name}".rstrip("_")
