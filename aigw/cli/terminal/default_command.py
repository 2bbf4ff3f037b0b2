"""A group of commands that is a command itself: `aigw replay DIR` beside `aigw replay lint A B`."""

from __future__ import annotations

from typing import Any

import typer

from aigw.cli.terminal.groups import Commands
from aigw.cli.terminal.plain_parameters import with_plain_parameters


def with_default(default: Any) -> type[Commands]:
    """Returns the class of a group whose first word may also be the first argument of the function `default`."""

    class WithDefault(Commands):
        def make_context(self, info_name: Any, args: list[str], parent: Any = None, **extra: Any) -> Any:
            if args and args[0] in self.commands:
                return super().make_context(info_name, args, parent, **extra)
            return self._default().make_context(info_name, args, parent, **extra)

        def _default(self) -> Any:
            alone = typer.Typer(rich_markup_mode=None, add_completion=False)
            alone.command(name=self.name, context_settings=dict(self.context_settings))(default)
            return with_plain_parameters(typer.main.get_command(alone))

        def get_help(self, ctx: Any) -> str:
            return str(self._default().get_help(ctx))

    return WithDefault
