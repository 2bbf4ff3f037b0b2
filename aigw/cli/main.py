"""The command `aigw`. Each command has a file. A command imports what it needs when it runs, so `--help` stays fast."""

from __future__ import annotations

import typer

from aigw.cli.commands import (
    ask,
    budget,
    cache,
    chat,
    config,
    diff,
    doctor,
    env,
    guard,
    help,
    higress,
    init,
    logs,
    models,
    plugins,
    rag,
    recipes,
    replay,
    run,
    serve,
    status,
    stop,
    template,
    top,
    trace,
    traffic,
    transform,
    usage,
    what_if,
)
from aigw.cli.terminal.groups import Groups
from aigw.cli.terminal.optional_value import with_optional_value

app = typer.Typer(
    name="aigw",
    cls=Groups,
    help="The local AI gateway: one address for every program that speaks to LLM providers.",
    epilog="Start with: aigw serve, or aigw chat",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(asked: bool) -> None:
    if asked:
        help.version()
        raise typer.Exit


@app.callback()
def root(
    version: bool = typer.Option(False, "--version", "-V", help="Print the version.", callback=_version, is_eager=True),
) -> None:
    pass


RUN, ASK, LOOK, CONFIGURE = "Run it", "Ask a model", "See what happens", "Configure and check"

app.command("serve", rich_help_panel=RUN)(serve.serve)
app.command("status", rich_help_panel=RUN)(status.status)
app.command("stop", rich_help_panel=RUN)(stop.stop)
app.command("run", rich_help_panel=RUN, context_settings={"allow_interspersed_args": False})(run.run)
app.command("init", rich_help_panel=RUN)(init.init)
app.command("env", rich_help_panel=RUN)(env.env)
app.command("recipes", rich_help_panel=RUN)(recipes.recipes)
app.command("chat", rich_help_panel=ASK)(chat.chat)
app.command("ask", rich_help_panel=ASK, cls=with_optional_value("--rag"))(ask.ask)
app.add_typer(template.app, name="template", rich_help_panel=ASK)
app.add_typer(rag.app, name="rag", rich_help_panel=ASK)
app.command("logs", rich_help_panel=LOOK)(logs.logs)
app.command("top", rich_help_panel=LOOK)(top.top)
app.command("usage", rich_help_panel=LOOK)(usage.usage)
app.command("trace", rich_help_panel=LOOK)(trace.trace)
app.add_typer(cache.app, name="cache", rich_help_panel=LOOK)
app.add_typer(budget.app, name="budget", rich_help_panel=LOOK)
app.add_typer(replay.app, name="replay", rich_help_panel=LOOK)
app.add_typer(traffic.app, name="traffic", rich_help_panel=LOOK)
app.command("diff", rich_help_panel=LOOK)(diff.diff)
app.command("what-if", rich_help_panel=LOOK)(what_if.what_if)
app.command("transform", rich_help_panel=CONFIGURE)(transform.transform)
app.command("models", rich_help_panel=CONFIGURE)(models.models)
app.command("plugins", rich_help_panel=CONFIGURE)(plugins.plugins)
app.command("doctor", rich_help_panel=CONFIGURE)(doctor.doctor)
app.add_typer(guard.app, name="guard", rich_help_panel=CONFIGURE)
app.add_typer(higress.app, name="higress", rich_help_panel=CONFIGURE)
app.add_typer(config.app, name="config", rich_help_panel=CONFIGURE)
app.command("help", hidden=True)(help.help_of)
app.command("version", hidden=True)(help.version)


def main() -> None:
    _open_standard_files()
    app()


def _open_standard_files() -> None:
    """Opens stdin, stdout or stderr on /dev/null if the parent closed it: a socket must not get its number."""
    import os

    for number in (0, 1, 2):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)
