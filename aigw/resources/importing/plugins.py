"""Makes the section `plugins:` from the resources of plugins."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from aigw.config.plugins import find_plugin
from aigw.core.plugin import Place
from aigw.higress.other_plugins import OTHER_PLUGINS
from aigw.higress.places import sort
from aigw.resources.importing.joining import in_order, joined, usable
from aigw.resources.importing.unmapped import Unmapped
from aigw.resources.report import Findings
from aigw.resources.wasm_plugin import PluginResource


class Plugins:
    """The plugins of an import. `configurations` becomes the section `plugins:`."""

    def __init__(self, parts: Sequence[PluginResource], kept: Unmapped, findings: Findings) -> None:
        self._parts = parts
        self._kept = kept
        self._findings = findings
        self.configurations: dict[str, dict[str, Any]] = {}
        for name in dict.fromkeys(part.plugin for part in parts):
            self._read(name, in_order(part for part in parts if part.plugin == name))

    def _read(self, name: str, parts: Sequence[PluginResource]) -> None:
        if find_plugin(name) is None:
            does, instead = OTHER_PLUGINS.get(name, ("", ""))
            message = f"aigw does not have this plugin, which {does}" if does else "aigw does not know this plugin"
            for part in parts:
                self._kept.resource(part.resource)
                self._tell("unknown", part, f"plugin {name}", message, nearest=instead)
            return
        delivered = [part for part in parts if part.configuration is not None]
        for part in parts:
            if part.configuration is None:
                self._tell("exact", part, "spec", "is switched off, and no rule switches it on")
        if not delivered:
            self._kept.resource(parts[0].resource)
            return
        whole = joined(delivered, self._findings)
        self.configurations[name], unknown = usable(name, whole, delivered[0].resource, self._findings)
        self._kept.unknown(name, unknown)

    def order(self, names: Iterable[str]) -> list[str]:
        """The order of the plugins, [] if the priorities of the resources make no other one than Higress's."""
        usual: dict[str, Place] = {}
        given: dict[str, Place] = {}
        for name in names:
            about = find_plugin(name)
            if about is not None:
                usual[name] = about.place
                own = in_order(part for part in self._delivered() if part.plugin == name)
                given[name] = next((part.place for part in own if part.place is not None), about.place)
        return sort(given) if sort(given) != sort(usual) else []

    def keep_settings(self, *, has_order: bool) -> None:
        """Keeps the priorities of plugins, unless the configuration has an `order:`, which says more."""
        for part in self._delivered():
            about = find_plugin(part.plugin)
            is_moved = about is not None and not has_order and part.place not in (None, about.place)
            if about is not None and (is_moved or part.has_settings):
                self._kept.settings(part.plugin, part.settings)

    def tell(self, names: Iterable[str], *, is_safe: bool) -> None:
        """Says of those that are there whether they do the same."""
        there = set(names)
        for part in self._delivered():
            about = find_plugin(part.plugin)
            if about is None or part.plugin not in there:
                continue
            if is_safe and about.differences:
                count = len(about.differences)
                things = "things are" if count > 1 else "thing is"
                message = f"{count} {things} safer than in Higress: aigw plugins {part.plugin}"
                self._tell("approximate", part, "spec", message, nearest="fidelity: higress")
            else:
                self._tell("exact", part, "spec")

    def _delivered(self) -> list[PluginResource]:
        return [part for part in self._parts if part.configuration is not None]

    def _tell(self, level: Any, part: PluginResource, field: str, message: str = "", *, nearest: str = "") -> None:
        self._findings.add(
            level, part.resource.what, field, message, nearest=nearest, place=part.resource.place("spec")
        )
