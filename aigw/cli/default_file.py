"""The configuration that commands use if none is named. Loads nothing."""

from __future__ import annotations

from pathlib import Path

DEFAULT_FILE = Path("aigw.yaml")


def configuration(given: Path | None) -> Path | None:
    """The file that is meant, or None if there is none."""
    return given or (DEFAULT_FILE if DEFAULT_FILE.exists() else None)
