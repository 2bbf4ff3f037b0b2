"""Durations and sizes as people write them: "500ms", "10s", "100MiB"."""

from __future__ import annotations

import re

_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
_BYTES = {"": 1, "b": 1, "k": 1000, "kb": 1000, "m": 1000**2, "mb": 1000**2, "g": 1000**3, "gb": 1000**3}
_BYTES |= {"kib": 1 << 10, "mib": 1 << 20, "gib": 1 << 30}
_QUANTITY = re.compile(r"\s*(\d{1,15}(?:\.\d{1,9})?)\s*([A-Za-z]*)\s*")

DURATION_PATTERN = r"^\s*\d+(\.\d+)?\s*(ms|s|m|h)?\s*$"
SIZE_PATTERN = r"^\s*\d+(\.\d+)?\s*([kKmMgG]([iI]?[bB])?|[bB])?\s*$"


def parse_duration(text: str) -> float | None:
    """Seconds, also for a number without a unit. None if the text is not a duration."""
    match = _QUANTITY.fullmatch(text)
    unit = match and _SECONDS.get(match[2].lower() or "s")
    return float(match[1]) * unit if match and unit else None


def duration_text(seconds: float) -> str:
    """Writes a duration in the largest unit that needs no fraction: "500ms", "10s", "15m"."""
    for unit in ("h", "m", "s"):
        if seconds and seconds % _SECONDS[unit] == 0:
            return f"{seconds / _SECONDS[unit]:.0f}{unit}"
    number, unit = (seconds * 1000, "ms") if 0 < seconds < 1 else (seconds, "s")
    return f"{number:.6f}".rstrip("0").rstrip(".") + unit


def size_text(count: int) -> str:
    """Writes a size in the largest unit that needs no fraction: "100MiB", "1500B"."""
    for unit in ("GiB", "MiB", "KiB"):
        if count and count % _BYTES[unit.lower()] == 0:
            return f"{count // _BYTES[unit.lower()]}{unit}"
    return f"{count}B"


def parse_size(text: str) -> int | None:
    """Bytes. None if the text is not a size."""
    match = _QUANTITY.fullmatch(text)
    unit = match and _BYTES.get(match[2].lower())
    return int(float(match[1]) * unit) if match and unit else None
