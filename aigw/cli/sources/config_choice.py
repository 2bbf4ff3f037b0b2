"""Which configuration a command uses: that of a file, that of a recipe, or none. Loads little."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from aigw.cli.default_file import configuration
from aigw.cli.sources.recipe import served, text_of
from aigw.cli.terminal.output import USAGE, fail


class ConfigChoice(NamedTuple):
    """The choice of --config or --recipe, of which at most one is set. If neither is, there is no aigw.yaml here, and
    providers come from the environment."""

    file: Path | None = None
    recipe: str | None = None

    @property
    def is_given(self) -> bool:
        return self.file is not None or self.recipe is not None

    @property
    def name(self) -> str:
        """The name of the configuration in messages, "" if none is given."""
        if self.recipe is not None:
            return f"recipe {self.recipe}"
        return str(self.file) if self.file is not None else ""

    @property
    def folder(self) -> Path:
        """The folder from which relative paths in it count."""
        return self.file.parent if self.file is not None else Path()

    @property
    def text(self) -> str:
        """The recipe as it is run, with a state folder of its own; "" if none is chosen."""
        return served(self.recipe) if self.recipe is not None else ""


def chosen_config(config: Path | None, recipe: str | None) -> ConfigChoice:
    """The choice of a command with these options: without both it is the file that is used by default, if it is here.
    Raises ValueError if both are given, and if there is no such recipe."""
    if recipe is None:
        return ConfigChoice(configuration(config))
    if config is not None:
        raise ValueError("choose one of --config and --recipe")
    text_of(recipe)
    return ConfigChoice(recipe=recipe)


def config_choice(command: str, config: Path | None, recipe: str | None) -> ConfigChoice:
    """The configuration that a command with these options uses. Ends the command if they exclude each other, or if
    there is no such recipe."""
    try:
        return chosen_config(config, recipe)
    except ValueError as error:
        fail(command, str(error), USAGE)
