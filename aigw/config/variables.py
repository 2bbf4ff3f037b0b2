"""Variables of which some stand in files, as Docker, Kubernetes and CI give secrets: NAME_FILE names the file of NAME.

Rule: NAME itself goes before its file, and only the files of names that a configuration asks for are opened."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from aigw.config.files import NoFileError, content

SUFFIX = "_FILE"
MAX_BYTES = 64 * 1024


class Variables(Mapping[str, str]):
    """The environment, and the values in files. Line breaks at the end of a file are no part of its value. `why` has
    the reason for each file that could not be used."""

    def __init__(self, env: Mapping[str, str]) -> None:
        self._env = env
        self._found: dict[str, str] = {}
        self.why: dict[str, str] = {}

    def __getitem__(self, name: str) -> str:
        if name in self._env:
            return self._env[name]
        if name not in self._found:
            self._found[name] = self._in_file(name)
        return self._found[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._env)

    def __len__(self) -> int:
        return len(self._env)

    def _in_file(self, name: str) -> str:
        place = self._env.get(name + SUFFIX)
        if not place:
            raise KeyError(name)
        try:
            data = content(Path(place), MAX_BYTES)
            if len(data) <= MAX_BYTES:
                return data.decode().rstrip("\r\n")
            reason = f"is larger than {MAX_BYTES >> 10} KiB"
        except NoFileError:
            reason = "is not a file"
        except UnicodeDecodeError:
            reason = "is not UTF-8"
        except (OSError, ValueError) as error:
            reason = f"cannot be read: {getattr(error, 'strerror', None) or error}"
        self.why[name] = f"{place}, which {name}{SUFFIX} names, {reason}"
        raise KeyError(name)
