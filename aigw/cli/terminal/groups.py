"""Lists commands in `aigw --help` under headings, as plain text.

The heading of a command is its `rich_help_panel`. typer shows these only with rich, which would make `--help` slow."""

from __future__ import annotations

from typing import Any

from typer.core import TyperGroup


class Groups(TyperGroup):
    """A group of commands whose help lists them by heading, in the order in which they were added."""

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        listed = {name: command for name, command in self.commands.items() if not command.hidden}
        width = max(map(len, listed))
        headings: dict[str, list[tuple[str, str]]] = {}
        for name, command in listed.items():
            summary = command.get_short_help_str(formatter.width - 6 - width)
            rows = headings.setdefault(getattr(command, "rich_help_panel", None) or "Commands", [])
            rows.append((name.ljust(width), summary))
        for heading, rows in headings.items():
            with formatter.section(heading):
                formatter.write_dl(rows)
