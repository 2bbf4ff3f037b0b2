"""Says what a configuration will do otherwise in a Higress: what an export would lose, and where aigw is safer."""

from __future__ import annotations

from collections.abc import Iterator

from aigw.cli.doctor.check import Check, Level
from aigw.config.load import Loaded
from aigw.resources.exporting.resources import exported
from aigw.resources.exporting.source import SourceConfig
from aigw.resources.report import LOST

NAME = "higress"


def differences(loaded: Loaded, recipe: bytes = b"") -> Iterator[Check]:
    """Yields a problem for everything that an export would lose, and a note for everything that only differs. `recipe`
    is the text of the configuration if it has no file."""
    if loaded.path is None and not recipe:
        yield Check(NAME, "problem", "there is no aigw.yaml", "aigw init writes one")
        return
    found = exported(SourceConfig(loaded, loaded.path.read_bytes() if loaded.path else recipe))
    count = 0
    for entry in [*found.findings.lost, *found.findings.of("approximate")]:
        count += 1
        level: Level = "problem" if entry.level in LOST else "note"
        yield Check(NAME, level, f"{entry.what} {entry.field}".strip() + f": {entry.message}", entry.nearest)
    if loaded.config.fidelity == "safe":
        for name, plugin in loaded.plugins.items():
            for each in plugin.about.differences if not plugin.about.nearest else ():
                count += 1
                yield Check(NAME, "note", f"{name}: {each.subject}: here {each.safe}; in Higress {each.higress}")
    if found.secrets:
        yield Check(NAME, "note", f"the Secret aigw of the cluster must have {', '.join(found.secrets)}")
    if not count:
        yield Check(NAME, "ok", "nothing will be different")
