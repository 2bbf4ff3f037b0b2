"""The group of all commands: its help is that of a table, and a command is loaded when it is called for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from importlib import import_module
from typing import Any

import typer

from aigw.cli.command_table import SETTINGS, Entry
from aigw.cli.terminal.groups import Commands
from aigw.cli.terminal.plain_parameters import made_plain, with_plain_parameters

FOLDER = "aigw.cli.commands"


class Loaded(Mapping[str, Any]):
    """The commands by name, each loaded once, when it is looked up."""

    def __init__(self, entries: Sequence[Entry]) -> None:
        self._entries = {entry.name: entry for entry in entries}
        self._load = cache(lambda name: load(self._entries[name]))

    def __getitem__(self, name: str) -> Any:
        return self._load(name)

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)


def load(entry: Entry) -> Any:
    """Returns the command, or the group of commands, of an entry."""
    module, _, name = entry.place.partition(":")
    found = getattr(import_module(f"{FOLDER}.{module}"), name)
    command = typer.main.get_group(found) if isinstance(found, typer.Typer) else _alone(entry, found)
    command.name, command.hidden = entry.name, not entry.heading
    return with_plain_parameters(command)


def _alone(entry: Entry, function: Any) -> Any:
    app = typer.Typer(rich_markup_mode=None, add_completion=False, context_settings=SETTINGS)
    app.command(entry.name, **entry.settings)(function)
    return typer.main.get_command(app)


def listing(entries: Sequence[Entry]) -> type[Commands]:
    """Returns the class of a group with these commands, whose help lists them under their headings."""

    class Listing(Commands):
        def __init__(self, **attributes: Any) -> None:
            super().__init__(**attributes)
            self.commands: Any = Loaded(entries)

        def get_params(self, ctx: Any) -> list[Any]:
            return made_plain(super().get_params(ctx))

        def format_commands(self, ctx: Any, formatter: Any) -> None:
            listed = [entry for entry in entries if entry.heading]
            width = max(len(entry.name) for entry in listed)
            for heading in dict.fromkeys(entry.heading for entry in listed):
                rows = [(entry.name.ljust(width), entry.summary) for entry in listed if entry.heading == heading]
                with formatter.section(heading):
                    formatter.write_dl(rows)

    return Listing
