"""Checks a gateway that runs, for its page: what `aigw doctor` checks without asking other machines."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from aigw.cli.doctor import machine, setup
from aigw.cli.doctor.check import Check
from aigw.cli.doctor.knowledge import searched_in
from aigw.cli.doctor.shared import ask_redis
from aigw.cli.sources.config_choice import ConfigChoice
from aigw.config.load import Loaded
from aigw.metering.tokenizer import TokenCounter
from aigw.server.knowledge import Knowledge


async def examine_running(loaded: Loaded, env: Mapping[str, str], knowledge: Knowledge) -> list[Check]:
    """The address is not among them: the gateway has it."""
    checks = await asyncio.to_thread(_of_machine, loaded, env)
    checks += await searched_in(knowledge, loaded)
    return checks + await ask_redis(loaded, everywhere=False)


def _of_machine(loaded: Loaded, env: Mapping[str, str]) -> list[Check]:
    if loaded.path is not None:
        _, checks = setup.configuration(ConfigChoice(loaded.path), env)
    else:
        checks = [Check("configuration", "ok", f"is of no file; plugins: {', '.join(loaded.plugins) or 'none'}")]
    checks += setup.keys(loaded, env)
    checks += setup.state_folder(loaded.state_dir)
    checks += [machine.python(), machine.event_loop(), machine.tokenizer(TokenCounter())]
    checks += [machine.retrieval(loaded.config.rag.embedder), machine.open_files(machine.open_file_limit())]
    checks += machine.proxies(env)
    checks += machine.namesakes(env.get("PATH", ""))
    return checks
