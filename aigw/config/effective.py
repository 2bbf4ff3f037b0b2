"""The configuration as it takes effect, and where each value came from: what `aigw config show` prints.

No secret gets in here. `***` stands for each value that came through a `${...}`, for each value under a key that names
a secret, and for passwords in URLs."""

from __future__ import annotations

import json
import re
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import msgspec
import yaml

from aigw.config.load import Loaded
from aigw.config.plugins import LoadedPlugin
from aigw.config.rules import MATCH_KEYS, Rule
from aigw.config.units import duration_text, size_text
from aigw.core.json_path import JsonPath, format_path
from aigw.core.secrets import HIDDEN, is_hidden, without_password

_DEFAULT, _OWN_ORDER = "default", "Higress's order"
_WIDEST = 60
"""The column behind which the places stand at most, unless a value is longer."""
_EMPTY: tuple[Any, ...] = (None, "", [], {}, False, 0)


@dataclass(slots=True)
class Effective:
    """The configuration in force. `values` are plain and without secrets. `origins` says where the value at a path came
    from. `order` is by route.

    Lists and mappings that a rule inherits are shown only once, at the plugin, because a thousand consumers would be
    repeated in each rule. `inherited` names them, by the path of the rule; `origins` has them, too."""

    values: dict[str, Any] = field(default_factory=dict)
    origins: dict[JsonPath, str] = field(default_factory=dict)
    inherited: dict[JsonPath, list[str]] = field(default_factory=dict)
    order: dict[str, list[str]] = field(default_factory=dict)


def effective(loaded: Loaded) -> Effective:
    """Reads what is in force. It leaves out defaults that are empty, false or 0."""
    return _Writer(loaded).write()


class _Writer:
    def __init__(self, loaded: Loaded) -> None:
        self._loaded = loaded
        self._source = loaded.source
        self._result = Effective()

    def write(self) -> Effective:
        config = msgspec.to_builtins(self._loaded.config)
        plugins, routes = config.pop("plugins"), config.pop("routes")
        del config["order"]
        for name in ("max_body", "max_kept_upload"):
            config[name] = size_text(config[name])
        config["cache"] = {name: size_text(count) for name, count in config["cache"].items()}
        config["timeouts"] = {name: duration_text(seconds) for name, seconds in config["timeouts"].items()}
        values = self._section(config, (), ())
        values["plugins"] = {name: self._plugin(plugin) for name, plugin in self._loaded.plugins.items()}
        for name in plugins:
            if name not in self._loaded.plugins:
                values["plugins"][name] = self._section(plugins[name] or {}, ("plugins", name), ("plugins", name))
        values["order"] = list(self._loaded.plugins)
        for index in range(len(values["order"])):
            given = self._source.lines.get(("order", index))
            self._result.origins["order", index] = self._place(given) if given else _OWN_ORDER
        values["routes"] = [self._route(route, index) for index, route in enumerate(routes)]
        self._result.values = {key: value for key, value in values.items() if value not in _EMPTY}
        names = [route["name"] for route in routes] or ["default"]
        self._result.order = {name: self._loaded.order(name) for name in names}
        return self._result

    def _plugin(self, plugin: LoadedPlugin) -> dict[str, Any]:
        path: JsonPath = ("plugins", plugin.name)
        default = plugin.rules.default
        values = self._section(_builtins(default), path, path) if default is not None else {}
        if rules := plugin.rules.of_rules:
            values["_rules_"] = [
                {
                    **self._match(rule, (*path, "_rules_", index)),
                    **self._rule(plugin, config, (*path, "_rules_", index)),
                }
                for index, (rule, config) in enumerate(rules)
            ]
        return values

    def _match(self, rule: Rule, path: JsonPath) -> dict[str, Any]:
        given = dict(zip(MATCH_KEYS, (list(names) for names in rule), strict=True))
        return self._section(given, path, path)

    def _rule(self, plugin: LoadedPlugin, config: Any, path: JsonPath) -> dict[str, Any]:
        """The configuration of a rule. The keys that it inherits come from the global configuration."""
        values: dict[str, Any] = {}
        above = plugin.rules.default
        given = _builtins(config)
        own = [key for key in given if (*path, key) in self._source.lines]
        apart = {*own, *plugin.about.not_inherited(own, exact=self._loaded.config.fidelity == "higress")}
        for key, value in given.items():
            inherited = plugin.about.inherits and key not in apart
            start = (("plugins", plugin.name) if inherited else path) + (key,)
            if inherited and above is not None and isinstance(value, dict | list) and start in self._source.lines:
                self._result.inherited.setdefault(path, []).append(key)
                self._result.origins[*path, key] = f"as in plugins.{plugin.name}"
            else:
                self._put(values, key, value, (*path, key), start)
        return values

    def _route(self, route: dict[str, Any], index: int) -> dict[str, Any]:
        path: JsonPath = ("routes", index)
        changes = route.pop("plugins")
        values = self._section(route, path, path)
        for name in changes:
            place = (*path, "plugins", name)
            plugins = values.setdefault("plugins", {})
            plugin = self._loaded.plugins.get(name)
            config = plugin.rules.of_routes[route["name"]] if plugin else None
            if plugin is None or config is None:
                plugins[name] = self._leaf(False, place, place)
            else:
                plugins[name] = self._rule(plugin, config, place)
        return values

    def _section(self, values: dict[str, Any], path: JsonPath, place: JsonPath) -> dict[str, Any]:
        """`path` is where a section is shown, `place` is where it stands in the file. A section that is switched off is
        shown as switched off."""
        result: dict[str, Any] = {}
        off = values.get("enabled") is False
        if off:
            result["enabled"] = self._leaf(False, (*path, "enabled"), (*place, "enabled"))
        for key, value in values.items():
            if off and (key == "enabled" or (*place, key) not in self._source.lines):
                continue
            self._put(result, key, value, (*path, key), (*place, key))
        return result

    def _put(self, into: dict[str, Any], key: str, value: Any, path: JsonPath, place: JsonPath) -> None:
        if value not in _EMPTY or place in self._source.lines:
            into[key] = self._value(value, path, place)

    def _value(self, value: Any, path: JsonPath, place: JsonPath) -> Any:
        if isinstance(value, dict) and value:
            return self._section(value, path, place)
        if isinstance(value, list | tuple) and value:
            return [self._value(item, (*path, index), (*place, index)) for index, item in enumerate(value)]
        return self._leaf(value, path, place)

    def _place(self, line: int) -> str:
        return f"{self._loaded.path}:{line}" if self._loaded.path else "found without a file"

    def _supplied(self, names: tuple[str, ...]) -> str:
        """Says where the values of these variables came from."""
        ours = [name for name in names if name in self._source.dotenv]
        others = [name for name in names if name not in self._source.dotenv]
        groups = (("environment", others), (".env", ours))
        return ", ".join(f"{where} {', '.join(found)}" for where, found in groups if found)

    def _leaf(self, value: Any, path: JsonPath, place: JsonPath) -> Any:
        line = self._source.lines.get(place)
        names = self._source.expanded.get(place)
        origin = self._place(line) if line else _DEFAULT
        self._result.origins[path] = f"{self._supplied(names)} ({origin})" if names else origin
        if names is not None or (value not in _EMPTY and is_hidden(path, value)):
            return HIDDEN
        return without_password(value) if isinstance(value, str) else value


def given(shown: Effective) -> Effective:
    """Returns only what somebody has configured, without defaults and without Higress's order."""
    left = {path: origin for path, origin in shown.origins.items() if origin not in (_DEFAULT, _OWN_ORDER)}
    kept = {path[:length] for path in left for length in range(1, len(path) + 1)}
    kept |= {path for path in shown.origins if path[-1] == "enabled" and path[:-1] in kept}
    kept |= {("plugins",), *(("plugins", name) for name in shown.values.get("plugins", ()))}
    return Effective(_only(shown.values, (), kept), left, shown.inherited, shown.order)


def _only(value: Any, path: JsonPath, kept: set[JsonPath]) -> Any:
    """Lists keep all of their items, or none: the places in them are numbers."""
    if isinstance(value, dict):
        return {key: _only(item, (*path, key), kept) for key, item in value.items() if (*path, key) in kept}
    return [_only(item, (*path, place), kept) for place, item in enumerate(value)] if isinstance(value, list) else value


def render(shown: Effective, width: int = 1 << 20) -> str:
    """YAML, each value with its origin behind it (or above it, if it would be wider), and the order of the plugins on
    each route."""
    rows = list(_rows(shown.values, (), "", shown, width))
    widest = min(_WIDEST, width * 5 // 8)
    column = max((len(text) for text, _ in rows if len(text) <= widest), default=0)
    lines = [line for text, origin in rows for line in _with_origin(text, origin, column, width)]
    lines.append(("\n" if lines else "") + "# The plugins that a request meets, outermost first:")
    for route, names in shown.order.items():
        order = f"#   route {route}: {', '.join(names) or 'none'}"
        lines += textwrap.wrap(order, width, subsequent_indent="#     ", break_on_hyphens=False)
    return "\n".join(lines)


def _with_origin(text: str, origin: str, column: int, width: int) -> list[str]:
    if not origin:
        return [text]
    for line in (f"{text:<{column}}  # {origin}", f"{text}  # {origin}"):
        if "\n" not in text and len(line) <= width:
            return [line]
    return [f"{' ' * (len(text) - len(text.lstrip()))}# {origin}", text]


def data(shown: Effective) -> dict[str, Any]:
    """Returns the configuration as plain data, for `--json`: `config`, `sources` (path to origin) and `order` (route to
    plugins)."""
    sources = {format_path(path): origin for path, origin in shown.origins.items()}
    return {"config": shown.values, "sources": sources, "order": shown.order}


def _rows(value: Any, path: JsonPath, indent: str, shown: Effective, width: int) -> Iterator[tuple[str, str]]:
    steps: Any = value.items() if isinstance(value, dict) else enumerate(value)
    for step, item in steps:
        head = f"{indent}{_scalar(step)}:" if isinstance(value, dict) else f"{indent}-"
        place = (*path, step)
        if isinstance(item, dict | list) and item:
            rows = list(_rows(item, place, f"{indent}  ", shown, width))
            if head.endswith("-"):
                rows[0] = (f"{head} {rows[0][0].lstrip()}", rows[0][1])
            else:
                yield head, ""
            yield from rows
        else:
            origin = shown.origins.get(place) or _inherited(place, shown)
            yield f"{head} {_scalar(item, f'{indent}    ', width - len(head) - 1)}", origin
    if value and (said := _inherited(path, shown)):
        yield f"{indent}# {said}", ""


def _inherited(path: JsonPath, shown: Effective) -> str:
    """Says from where a rule has inherited a value."""
    names = shown.inherited.get(path, [])
    return f"{', '.join(names)}: {shown.origins[*path, names[0]]}" if names else ""


def _scalar(value: Any, indent: str = "", room: int = 1 << 20) -> str:
    """A scalar of YAML, on several lines if it is longer than `room`."""
    if isinstance(value, str) and not value.isprintable():
        return json.dumps(value)
    text = str(value) if isinstance(value, dict | list) else _on_one_line(value)  # {} or []
    if len(text) > room and isinstance(value, str):
        text = yaml.safe_dump(value, width=max(room - 4, 20), allow_unicode=True, default_style='"').strip()
        text = re.sub(r"\n\s*", f"\n{indent}", text)
    return text


@lru_cache(maxsize=1 << 14, typed=True)
def _on_one_line(value: Any) -> str:
    """Rules repeat what they inherit: most values come many times."""
    return (
        yaml.safe_dump(value, width=1 << 20, allow_unicode=True, default_flow_style=True).removesuffix("...\n").strip()
    )


def _builtins(config: Any) -> dict[str, Any]:
    values: dict[str, Any] = msgspec.to_builtins(config)
    return values
