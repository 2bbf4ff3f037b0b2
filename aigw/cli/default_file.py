"""The configuration that commands use if none is named. Loads nothing."""

from pathlib import Path

DEFAULT_FILE = Path("aigw.yaml")
