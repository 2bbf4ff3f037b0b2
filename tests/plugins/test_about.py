"""What every plugin says about itself: a recipe shows it."""

from pathlib import Path

import pytest

from aigw.config.load import load
from aigw.config.plugins import find_plugin, installed_plugins
from aigw.core.plugin import About

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("name", installed_plugins())
def test_its_recipe_shows_it(name):
    about = find_plugin(name)
    assert isinstance(about, About)
    recipe = load(ROOT / "recipes" / f"{about.recipe}.yaml", {"DASHSCOPE_API_KEY": "key"})
    assert name in recipe.plugins
    assert recipe.plugins[name].about is about
