"""aigw/cli/sources/max_usd.py: the budget is in force wherever requests go, beside the budgets that there are."""

import pytest

from aigw.cli.sources.max_usd import limited
from aigw.config.load import load

BUILTIN = b"plugins: {ai-proxy: {provider: {type: builtin}}}"
OWN = b"""
order: [key-auth, ai-budget, ai-proxy]
plugins:
  key-auth: {consumers: [{name: ann, credential: sk-1}], keys: [x-api-key], in_header: true}
  ai-budget: {budgets: [{name: day, per: day, usd: 1}]}
  ai-proxy: {provider: {type: builtin}}
routes:
  - {name: free, match: {path: /free/*}, plugins: {ai-budget: false}}
  - {name: rest, match: {path: /*}}
"""


def budgets(loaded):
    return [[(each.name, each.usd) for each in config.budgets] for config in loaded.plugins["ai-budget"].rules.configs]


def test_without_the_plugin():
    loaded = limited(load(None, {}, text=BUILTIN), 0.5)
    assert budgets(loaded) == [[("max-usd", 0.5)]]
    assert list(loaded.plugins) == ["ai-budget", "ai-proxy"]


def test_beside_other_budgets_and_where_there_are_none():
    loaded = limited(load(None, {}, text=OWN), 0.5)
    assert budgets(loaded) == [[("max-usd", 0.5)], [("day", 1), ("max-usd", 0.5)]]
    assert list(loaded.plugins) == ["key-auth", "ai-budget", "ai-proxy"]


@pytest.mark.parametrize("usd", [-1, 1e9, float("nan")])
def test_what_is_no_amount(usd):
    with pytest.raises(ValueError, match=r"--max-usd: must be between 0 and 1000000"):
        limited(load(None, {}, text=BUILTIN), usd)
