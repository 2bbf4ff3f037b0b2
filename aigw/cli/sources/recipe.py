"""Finds the recipes. Loads nothing but the standard library.

A recipe is a configuration with a comment at its beginning. The first paragraph of the comment says what it shows."""

from __future__ import annotations

import re
from pathlib import Path

STATE = ".aigw/recipes"
DEFAULT_URL = "http://127.0.0.1:4700"
_STARTS = re.compile(r"aigw serve --recipe [\w-]+ *$")


def folder() -> Path:
    """The folder of the recipes: in an installed package beside the modules, in a checkout beside the package."""
    package = Path(__file__).parents[2]
    inside = package / "recipes"
    return inside if inside.is_dir() else package.parent / "recipes"


def recipes() -> dict[str, Path]:
    """The files by name, in the order of their names."""
    return {path.stem: path for path in sorted(folder().glob("*.yaml"))}


def text_of(name: str) -> str:
    """Raises ValueError with the names of all recipes if there is none of this name."""
    path = recipes().get(name)
    if path is None:
        raise ValueError(f"there is no recipe {name!r}; there are {', '.join(recipes())}")
    return path.read_text(encoding="utf-8")


def files_of(name: str) -> dict[str, Path]:
    """The files that a recipe brings, by their names: those in the folder with its name."""
    return {path.name: path for path in sorted((folder() / name).glob("*.*"))}


def file_of(name: str, file: str) -> str:
    """Returns the text of a file of a recipe. Raises ValueError with the names of all, also if there is no such
    recipe."""
    text_of(name)
    files = files_of(name)
    if file not in files:
        raise ValueError(f"the recipe {name!r} has no file {file!r}; it has {', '.join(files) or 'none'}")
    return files[file].read_text(encoding="utf-8")


def served(name: str) -> str:
    """Returns the recipe as it is run, with a state folder of its own. Raises ValueError as `text_of` does."""
    return f"{text_of(name)}\nstate_dir: {folder_of(name)}\n"


def folder_of(name: str) -> Path:
    """The state folder of a recipe that is served here. Raises ValueError as `text_of` does."""
    text_of(name)
    return Path(STATE, name)


def tries(name: str, url: str) -> list[str]:
    """The commands that try a recipe, for a gateway at `url`. They are the indented lines of its comment."""
    lines = [line[1:] for line in text_of(name).splitlines() if line.startswith("#   ")]
    return [line.replace(DEFAULT_URL, url) for line in lines if not _STARTS.search(line)]


def shows(text: str) -> str:
    """The first paragraph of the comment of a recipe, as one line."""
    lines = []
    for line in text.splitlines():
        words = line.removeprefix("#").strip()
        if not line.startswith("#") or not words:
            break
        lines.append(words)
    return " ".join(lines)


def body(text: str) -> str:
    """The configuration of a recipe, without the comment at its beginning."""
    lines = text.splitlines()
    while lines and (lines[0].startswith("#") or not lines[0].strip()):
        del lines[0]
    return "\n".join(lines)
