"""Which configuration --config and --recipe choose."""

from contextlib import chdir
from pathlib import Path

import pytest

from aigw.cli.sources.config_choice import ConfigChoice, chosen_config


def test_a_file_goes_before_the_one_that_is_here(tmp_path):
    with chdir(tmp_path):
        assert chosen_config(None, None) == ConfigChoice()
        Path("aigw.yaml").touch()
        assert chosen_config(None, None) == ConfigChoice(Path("aigw.yaml"))
        assert chosen_config(Path("other.yaml"), None) == ConfigChoice(Path("other.yaml"))
        assert chosen_config(None, "budget") == ConfigChoice(recipe="budget")


@pytest.mark.parametrize(
    ("config", "recipe", "message"),
    [(Path("a.yaml"), "budget", "choose one of"), (None, "no-such", "there is no recipe 'no-such'; there are")],
)
def test_what_cannot_be_chosen(config, recipe, message):
    with pytest.raises(ValueError, match=message):
        chosen_config(config, recipe)


@pytest.mark.parametrize(
    ("choice", "name", "folder"),
    [
        (ConfigChoice(), "", Path()),
        (ConfigChoice(Path("of/aigw.yaml")), "of/aigw.yaml", Path("of")),
        (ConfigChoice(recipe="budget"), "recipe budget", Path()),
    ],
)
def test_what_is_told_of_it(choice, name, folder):
    assert (choice.name, choice.folder, choice.is_given) == (name, folder, bool(name))
    assert ("state_dir: .aigw/recipes/budget" in choice.text) == (choice.recipe == "budget")
