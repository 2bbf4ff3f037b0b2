"""A recipe is a configuration with a comment at its beginning, whose first paragraph says what it shows."""

import pytest

from aigw.cli.sources.recipe import body, recipes, shows, text_of


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
