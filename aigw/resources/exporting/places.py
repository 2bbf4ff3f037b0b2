"""Phases and priorities of plugins, so that a cluster has the order of the configuration."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aigw.config.load import Loaded
from aigw.core.plugin import Place
from aigw.higress.places import sort
from aigw.resources.importing.unmapped import mapping_of
from aigw.resources.report import Findings

_STEP = 10
"""Between the priorities of two plugins whose order is not Higress's."""


def places_of(loaded: Loaded, kept: Mapping[str, Any], findings: Findings) -> dict[str, Place]:
    """A place for each plugin: the one that an import has kept, Higress's own, or a new one. `kept` has the settings of
    plugins."""
    order = list(loaded.plugins)
    usual = {name: plugin.about.place for name, plugin in loaded.plugins.items()}
    for places in ({name: _kept(mapping_of(kept, name), place) for name, place in usual.items()}, usual):
        if sort(places) == order:
            return places
    findings.add("exact", "order", "", "becomes the priorities of the plugins")
    return {name: Place("", _STEP * (len(order) - index)) for index, name in enumerate(order)}


def _kept(settings: Mapping[str, Any], usual: Place) -> Place:
    spec = mapping_of(settings, "spec")
    if not isinstance(spec.get("priority"), int):
        return usual
    phase = str(spec.get("phase", "")).replace("UNSPECIFIED_PHASE", "")
    return Place(phase, spec["priority"])  # type: ignore[arg-type]
