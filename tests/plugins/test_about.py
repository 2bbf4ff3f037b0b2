"""What every plugin says about itself: it is shown by a recipe, and the README tells how the fidelities differ."""

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
    recipe = load(ROOT / "recipes" / f"{about.recipe}.yaml", {})
    assert name in recipe.plugins
    assert recipe.plugins[name].about is about


def test_the_readme_tells_where_the_fidelities_differ():
    section = (ROOT / "README.md").read_text().partition("### Where `safe` differs from `higress`\n")[2]
    lines = section.partition("\n## ")[0].strip().splitlines()[2:]
    rows = [tuple(cell.strip() for cell in line.strip("|").split("|")) for line in lines]
    own = [
        (each.subject if name == "ai-proxy" else f"`{name}`: {each.subject}", each.safe, each.higress)
        for name in installed_plugins()
        for each in find_plugin(name).differences
    ]
    assert sorted(rows) == sorted(own)
