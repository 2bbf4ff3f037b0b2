"""A recipe is a configuration with a comment at its beginning, whose first paragraph says what it shows."""

from pathlib import Path

import pytest

from aigw.cli.sources.recipe import body, recipes, served, shows, text_of, tries
from aigw.config.load import load


@pytest.mark.parametrize(
    ("text", "said", "configuration"),
    [
        ("# One\n# line.\n#\n# More.\n\nplugins: {}\n", "One line.", "plugins: {}"),
        ("#One\n\n# not of the paragraph\na: 1\n# stays\nb: 2", "One", "a: 1\n# stays\nb: 2"),
        ("a: 1\n# One\n", "", "a: 1\n# One"),
        ("# only this", "only this", ""),
        ("", "", ""),
    ],
)
def test_what_it_shows_and_what_it_is(text, said, configuration):
    assert shows(text) == said
    assert body(text) == configuration


def test_each_is_found_by_its_name():
    assert recipes()
    for name, path in recipes().items():
        assert path.name == f"{name}.yaml"
        assert text_of(name) == path.read_text()


def test_there_is_no_such_recipe():
    with pytest.raises(ValueError, match=f"no recipe 'nothing'; there are {', '.join(recipes())}"):
        text_of("nothing")


KEYS = ("DASHSCOPE_API_KEY", "DEEPSEEK_API_KEY", "MOONSHOT_API_KEY")
"""Which the recipes ask for."""


def test_each_keeps_what_it_keeps_apart():
    folders = [load(None, dict.fromkeys(KEYS, "k"), text=served(name).encode()).state_dir for name in recipes()]
    assert folders == [Path(f".aigw/recipes/{name}") for name in recipes()]


@pytest.mark.parametrize("name", recipes())
def test_how_to_try_it(name):
    commands = tries(name, "http://127.0.0.1:4812")
    assert any("curl" in line for line in commands)
    assert not any(line.startswith("   services:") for line in commands), "a setting is nothing to type"
    assert all(line.startswith("   ") for line in commands)
    assert not any(line.endswith(f"aigw serve --recipe {name}") or ":4700" in line for line in commands)
