"""Where the recipes lie and what they show. Loads nothing but the standard library.

A recipe is a configuration whose first comment says, in its first paragraph, what it shows."""

from __future__ import annotations

from pathlib import Path


def folder() -> Path:
    """In an installed package beside the modules, in a checkout beside the package."""
    package = Path(__file__).parents[2]
    inside = package / "recipes"
    return inside if inside.is_dir() else package.parent / "recipes"


def recipes() -> dict[str, Path]:
    """By name, in the order of their names."""
    return {path.stem: path for path in sorted(folder().glob("*.yaml"))}


def text_of(name: str) -> str:
    """Raises ValueError for a name that is none, with those that there are."""
    path = recipes().get(name)
    if path is None:
        raise ValueError(f"there is no recipe {name!r}; there are {', '.join(recipes())}")
    return path.read_text(encoding="utf-8")


def shows(text: str) -> str:
    """The first paragraph of its comment, as one line."""
    lines = []
    for line in text.splitlines():
        words = line.removeprefix("#").strip()
        if not line.startswith("#") or not words:
            break
        lines.append(words)
    return " ".join(lines)


def body(text: str) -> str:
    """Its configuration, without the comment in front."""
    lines = text.splitlines()
    while lines and (lines[0].startswith("#") or not lines[0].strip()):
        del lines[0]
    return "\n".join(lines)
