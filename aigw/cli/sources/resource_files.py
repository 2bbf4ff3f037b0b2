"""Files with resources of Kubernetes: found, read up to a bound, and written without harm to what is there."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from aigw.config.files import NoFileError, content
from aigw.config.source import MAX_STREAM_BYTES
from aigw.core.errors import ConfigError
from aigw.resources.resource import Resource, read_resources

INPUT = Path("-")
_ENDINGS = (".yaml", ".yml", ".json")
MOST_FILES = 10_000


def resources_in(sources: Sequence[Path]) -> list[Resource]:
    """The resources of all files, folders (with those in them) and of the input. Raises ConfigError."""
    found: list[Resource] = []
    wrong: list[str] = []
    left = MAX_STREAM_BYTES
    for path in _files(sources):
        try:
            text = _text(path, left)
            left -= len(text)
            found += read_resources(text, "stdin" if path == INPUT else os.fspath(path))
        except ConfigError as error:
            wrong += error.findings
    if wrong:
        raise ConfigError(wrong)
    if not found:
        raise ConfigError([f"{', '.join(map(str, sources))}: there are no resources in it"])
    return found


def _files(sources: Sequence[Path]) -> Iterator[Path]:
    for source in sources:
        if source == INPUT or not source.is_dir():
            yield source
            continue
        inside = sorted(path for path in source.rglob("*") if path.suffix in _ENDINGS and path.is_file())
        if len(inside) > MOST_FILES:
            raise ConfigError([f"{source}: has {len(inside)} files; name those that are meant"])
        yield from inside


def _text(path: Path, left: int) -> bytes:
    too_large = ConfigError([f"{path}: with this there are more than {MAX_STREAM_BYTES >> 20} MiB; split them"])
    try:
        text = sys.stdin.buffer.read(left + 1) if path == INPUT else content(path, left)
    except NoFileError:
        raise ConfigError([f"{path}: is not a file; a pipe can be read as -"]) from None
    except FileNotFoundError:
        raise ConfigError([f"{path}: there is no such file"]) from None
    except OSError as error:
        raise ConfigError([f"{path}: cannot be read: {error.strerror}"]) from None
    if len(text) > left:
        raise too_large
    return text


def write_new(files: Mapping[Path, str], *, force: bool) -> None:
    """Writes all of them, or none if one is there already. Raises ConfigError."""
    there = [path for path in files if path.exists() or path.is_symlink()]
    if there and not force:
        raise ConfigError([f"{path}: is there already; --force writes over it" for path in there])
    for path, text in files.items():
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            beside = path.with_name(f".{path.name}.{os.getpid()}")
            beside.write_text(text, encoding="utf-8")
            beside.replace(path)
        except OSError as error:
            raise ConfigError([f"{path}: cannot be written: {error.strerror}"]) from None
