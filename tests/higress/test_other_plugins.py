"""What is said of plugins that aigw does not have."""

from aigw.config.plugins import installed_plugins
from aigw.higress.other_plugins import OTHER_PLUGINS, why_missing
from aigw.higress.places import OTHER_PLACES


def test_it_says_what_the_plugin_does_and_what_to_do():
    assert why_missing("bot-detect") == (
        "this version of aigw does not have the plugin 'bot-detect', which refuses crawlers; "
        "only this machine reaches aigw, unless `listen:` says otherwise"
    )
    assert why_missing("ai-agent", "take it out").endswith("of an OpenAPI document; take it out")


def test_all_are_known_that_have_a_place_in_the_order():
    assert OTHER_PLACES.keys() <= OTHER_PLUGINS.keys()


def test_none_is_one_of_ours():
    assert not OTHER_PLUGINS.keys() & set(installed_plugins())


def test_what_comes_near_names_something_that_is_there():
    for other in OTHER_PLUGINS.values():
        assert not other.instead.endswith(".")
        for word in other.instead.split():
            assert not word.startswith("ai-") or word in installed_plugins(), other
