"""`aigw doctor`: checks everything that a gateway needs here, and says what to do about each problem."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from aigw.cli.options import Config, Json, ServedRecipe
from aigw.cli.sources.config_choice import config_choice
from aigw.cli.terminal.output import FAILURE, USAGE, fail, say_json, say_text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aigw.cli.doctor.check import Check
    from aigw.cli.sources.config_choice import ConfigChoice

WIDTH = 80
_LEVEL, _NAME = 9, 15
"""The widths of the first two columns."""


def doctor(
    config: Config = None,
    recipe: ServedRecipe = None,
    online: Annotated[
        bool, typer.Option("--online", help="Also ask every provider for its models, and every Redis elsewhere.")
    ] = False,
    target: Annotated[
        str, typer.Option("--for", metavar="higress", help="What will behave otherwise where it is brought to.")
    ] = "",
    as_json: Json = False,
) -> None:
    """Check keys, port, state folder and the machine. Exit code 0: no problem, 1: a problem.

    It shows no key, and without --online it sends nothing to other machines.

    Example: aigw doctor
    """
    import os

    from aigw.core.errors import ConfigError

    if target not in ("", "higress"):
        fail("doctor", f"--for takes higress, got {target!r}", USAGE)
    choice, env = config_choice("doctor", config, recipe), dict(os.environ)
    try:
        checks = _compare(choice, env) if target else _examine(choice, env, online=online)
    except ConfigError as error:
        fail("doctor", error.findings, USAGE)
    ok = all(check.level != "problem" for check in checks)
    if as_json:
        say_json({"ok": ok, "checks": [check._asdict() for check in checks]})
    else:
        for check in checks:
            say_text(render(check))
    if not ok:
        raise typer.Exit(FAILURE)


def _examine(choice: ConfigChoice, env: Mapping[str, str], *, online: bool) -> list[Check]:
    import asyncio

    from aigw.cli.doctor import machine, setup
    from aigw.cli.doctor.knowledge import collections_of
    from aigw.cli.doctor.online import ask_providers
    from aigw.cli.doctor.shared import ask_redis
    from aigw.metering.tokenizer import TokenCounter
    from aigw.rag.settings import RagSettings
    from aigw.server.protection import is_protected

    loaded, checks = setup.configuration(choice, env)
    if loaded is not None:
        checks += setup.keys(loaded, env)
        checks.append(setup.address(loaded.config.listen, authenticated=is_protected(loaded)))
        checks += setup.state_folder(loaded.state_dir)
        checks += asyncio.run(collections_of(loaded))
    rag = loaded.config.rag if loaded is not None else RagSettings()
    checks += [machine.python(), machine.event_loop(), machine.tokenizer(TokenCounter())]
    checks.append(machine.retrieval(rag.embedder))
    checks.append(machine.open_files(machine.open_file_limit()))
    checks += machine.proxies(env)
    checks += machine.namesakes(env.get("PATH", ""))
    if online and loaded is not None:
        checks += asyncio.run(ask_providers(loaded, env))
    if loaded is not None:
        checks += asyncio.run(ask_redis(loaded, everywhere=online))
    return checks


def _compare(choice: ConfigChoice, env: Mapping[str, str]) -> list[Check]:
    from aigw.cli.doctor import setup
    from aigw.cli.doctor.higress import differences

    loaded, checks = setup.configuration(choice, env)
    return checks if loaded is None else [*checks, *differences(loaded, choice.text.encode())]


def render(check: Check) -> str:
    """Writes a check as one line, or as several if it is long. The remedy begins a new line."""
    import textwrap

    from aigw.core.plain import plain
    from aigw.core.redaction import shown

    indent = " " * (_LEVEL + _NAME)
    head = f"{check.level:<{_LEVEL}}{check.name:<{_NAME}}"
    lines = textwrap.wrap(shown(check.message), WIDTH - len(indent), break_on_hyphens=False)
    if check.remedy:
        width = WIDTH - len(indent) - 3
        wrapped = textwrap.wrap(plain(check.remedy), width, break_on_hyphens=False)
        lines += [("-> " if index == 0 else "   ") + line for index, line in enumerate(wrapped)]
    return f"\n{indent}".join([head + lines[0], *lines[1:]])
