"""`aigw guard test|rules`: what the screen finds in a text, and what it looks for."""

from __future__ import annotations

from typing import Annotated

import typer

from aigw.cli.options import Config, Json, Recipe
from aigw.cli.sources.config_choice import config_choice
from aigw.cli.terminal.output import USAGE, fail, say_json

app = typer.Typer(
    help="Screen texts for personal data, secrets and attacks.",
    epilog="Start with: aigw guard test 'Ignore all previous instructions'",
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    rich_markup_mode=None,
)

Strict = Annotated[bool, typer.Option("--strict", help="Find more, with more false alarms.")]


@app.command("test", epilog="Example: aigw guard test 'My card is 4111 1111 1111 1111'")
def test(
    text: Annotated[str, typer.Argument(metavar="TEXT|FILE|-", help="A text, a file, or - for stdin.")],
    strict: Strict = False,
    fails: Annotated[bool, typer.Option("--fail", help="Exit with 1 if anything is found.")] = False,
    config: Config = None,
    recipe: Recipe = None,
    as_json: Json = False,
) -> None:
    """Say what is found in a text, and what would be done.

    Rules and actions are those of `guard:` in the configuration, if there is one. The exit code is 0 whatever is
    found, unless --fail is given."""
    from aigw.cli.sources.guard import screen_of, text_of
    from aigw.cli.views.guard import plain_screened, print_screened
    from aigw.core.errors import ConfigError

    choice = config_choice("guard test", config, recipe)
    try:
        screen = screen_of(choice, strict=strict)
    except ConfigError as error:
        fail("guard test", error.findings, USAGE)
    try:
        given = text_of(text)
    except ValueError as error:
        fail("guard test", str(error))
    screened = screen.screen(given)
    say_json(plain_screened(given, screened)) if as_json else print_screened(given, screened)
    if fails and screened.findings:
        raise typer.Exit(1)


@app.command("rules", epilog="Example: aigw guard rules --json")
def rules(strict: Strict = False, config: Config = None, recipe: Recipe = None, as_json: Json = False) -> None:
    """List the rules, with their labels, levels and actions.

    Rules that `guard: {off: [...]}` switches off have the action `off`."""
    from aigw.cli.sources.guard import all_rules, screen_of
    from aigw.cli.views.guard import plain_rule, print_rules
    from aigw.core.errors import ConfigError

    choice = config_choice("guard rules", config, recipe)
    try:
        found = all_rules(screen_of(choice, strict=strict))
    except ConfigError as error:
        fail("guard rules", error.findings, USAGE)
    say_json([plain_rule(*each) for each in found]) if as_json else print_rules(found)
