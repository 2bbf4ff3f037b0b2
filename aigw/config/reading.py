"""Reads the file of a configuration, whatever its values are. Loads little, so that a shell can ask for names in it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from aigw.config.environment import parse_dotenv
from aigw.config.files import NoFileError, content
from aigw.config.report import Report
from aigw.config.source import MAX_BYTES, Source, read


def read_file(path: Path, env: Mapping[str, str]) -> tuple[Source, Report]:
    """Reads the file and the `.env` beside it, without checking the values."""
    try:
        text = content(path, MAX_BYTES)
        values, wrong = parse_dotenv(_dotenv(path.parent / ".env").decode())
    except NoFileError:
        return _failed(path, "is not a file; a pipe cannot be read again, so write what it gives into a file")
    except FileNotFoundError:
        return _failed(path, "there is no such file; `aigw init` writes one")
    except OSError as error:
        return _failed(path, f"cannot be read: {error.strerror}")
    except UnicodeDecodeError:
        return _failed(path, "the .env file beside it is not UTF-8")
    source, report = read(text, {**values, **env}, os.fspath(path))
    source.dotenv = frozenset(values.keys() - env.keys())
    for number in wrong:
        report.note((), f"line {number} of the .env file beside it is not KEY=VALUE and is ignored")
    return source, report


def _failed(path: Path, message: str) -> tuple[Source, Report]:
    report = Report(os.fspath(path))
    report.error((), message)
    return Source(), report


def _dotenv(path: Path) -> bytes:
    """Returns the content of a `.env` file. It is empty if there is no such file, or if it is a folder or a pipe."""
    try:
        return content(path, MAX_BYTES)
    except (FileNotFoundError, NoFileError):
        return b""
