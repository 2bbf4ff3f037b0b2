"""`--max-usd`: one more budget of the plugin ai-budget, which a command adds to the configuration."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import msgspec

from aigw.config.load import Loaded
from aigw.config.plugins import LoadedPlugin, find_plugin
from aigw.config.rules import PluginRules
from aigw.plugins.ai_budget.budget import Budget
from aigw.plugins.ai_budget.plugin import NAME, Config
from aigw.server.start import with_plugins

OPTION = "--max-usd"


class RunBudget(Budget, frozen=True, kw_only=True):
    """The budget that the command line sets for a run."""

    @property
    def remedy(self) -> str:
        return f"a larger {OPTION}"


def limited(loaded: Loaded, usd: float) -> Loaded:
    """Returns the configuration with one more budget, of `usd` dollars for each run on all routes. Raises ValueError if
    the amount is not possible."""
    budget = RunBudget(name=OPTION.strip("-"), per="run", usd=usd)
    about = find_plugin(NAME)
    assert about is not None
    for problem in about.check(Config(budgets=[budget])):
        raise ValueError(f"{OPTION}: {problem.message}")
    own = loaded.plugins.get(NAME)
    if own is None:
        return with_plugins(loaded, {NAME: LoadedPlugin(NAME, about, PluginRules((), (_with(None, budget),)))})
    rules = own.rules
    limits = PluginRules(rules.rules, [_with(config, budget) for config in rules.configs], rules.from_routes)
    return replace(loaded, plugins={**loaded.plugins, NAME: LoadedPlugin(NAME, about, limits)})


def _with(config: Any, budget: Budget) -> Config:
    config = config if config is not None else Config()
    others = [each for each in config.budgets if each.name != budget.name]
    changed: Config = msgspec.structs.replace(config, budgets=[*others, budget])
    return changed
