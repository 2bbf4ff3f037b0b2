"""`aigw budget status|raise|reset`: shows what the budgets of ai-budget have left, and changes that by hand."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Annotated

import typer

from aigw.cli.options import Config, Json, Recipe
from aigw.cli.sources.completion import complete_budget
from aigw.cli.sources.config_choice import config_choice
from aigw.cli.terminal.failures import run_or_fail
from aigw.cli.terminal.groups import Commands
from aigw.cli.terminal.output import USAGE, fail

if TYPE_CHECKING:
    from aigw.cli.sources.config_choice import ConfigChoice
    from aigw.plugins.ai_budget.budget import Account
    from aigw.plugins.ai_budget.ledger import AccountLine, Ledger

app = typer.Typer(
    cls=Commands,
    help="See what budgets have left, raise or restart them.",
    epilog="Example: aigw budget status",
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    rich_markup_mode=None,
)

ForOption = Annotated[
    list[str] | None,
    typer.Option("--for", metavar="KIND=NAME", help="Whose: run=..., consumer=..., day=...; repeatable."),
]
NameArgument = Annotated[
    str, typer.Argument(metavar="NAME", help="The budget's name in the configuration.", autocompletion=complete_budget)
]


@app.command("status", epilog="Example: aigw budget status --json")
def status(config: Config = None, recipe: Recipe = None, as_json: Json = False) -> None:
    """Show what is used of every budget. No gateway needs to run.

    It reads the counters that the gateway with this configuration uses: in its state folder, or its Redis."""
    import time

    from aigw.cli.sources.budget import ledgers
    from aigw.cli.views.budget import show

    choice = config_choice("budget", config, recipe)

    async def lines() -> list[AccountLine]:
        async with ledgers(choice) as opened:
            return [line for ledger in opened for line in await ledger.lines(time.time())]

    show(run_or_fail("budget", lines()), as_json=as_json)


@app.command("raise", epilog="Example: aigw budget raise daily 2.50 --for consumer=ann")
def raise_(
    name: NameArgument,
    amount: Annotated[str, typer.Argument(metavar="AMOUNT", help="USD, tokens or calls, as the budget has it.")],
    whose: ForOption = None,
    config: Config = None,
    recipe: Recipe = None,
    as_json: Json = False,
) -> None:
    """Allow more to be spent this time.

    The amount is added for this run, this day, ... only. A running gateway follows at once."""
    from aigw.plugins.ai_budget.amount import parse

    async def change(ledger: Ledger, account: Account) -> None:
        await ledger.raise_by(account, parse(account.budget.unit, amount))

    _change(config_choice("budget", config, recipe), name, whose, change, as_json=as_json)


@app.command("reset", epilog="Example: aigw budget reset daily --all")
def reset(
    name: NameArgument,
    whose: ForOption = None,
    every: Annotated[bool, typer.Option("--all", help="Everyone's that --for leaves open.")] = False,
    config: Config = None,
    recipe: Recipe = None,
    as_json: Json = False,
) -> None:
    """Let a budget begin anew.

    Nothing of it is used, set aside or raised after that."""

    async def change(ledger: Ledger, account: Account) -> None:
        await ledger.reset(account)

    _change(config_choice("budget", config, recipe), name, whose, change, as_json=as_json, every=every)


def _change(
    choice: ConfigChoice,
    name: str,
    whose: list[str] | None,
    change: Callable[[Ledger, Account], Awaitable[None]],
    *,
    as_json: bool,
    every: bool = False,
) -> None:
    """Changes the one account that is meant, or all accounts, and shows the result."""
    import time

    from aigw.cli.sources.budget import choose, find, ledgers
    from aigw.cli.views.budget import show

    wanted = dict(_named(text) for text in whose or ())

    async def lines() -> list[AccountLine]:
        now = time.time()
        async with ledgers(choice) as opened:
            ledger, budget = find(opened, name)
            accounts = await choose(ledger, budget, wanted, now, every=every)
            for account in accounts:
                await change(ledger, account)
            return [await ledger.line(account, now) for account in accounts]

    show(run_or_fail("budget", lines()), as_json=as_json)


def _named(text: str) -> tuple[str, str]:
    kind, equals, name = text.partition("=")
    if not equals:
        fail("budget", f"--for {text} must look like consumer=NAME", USAGE)
    return kind, name
