"""The order of plugins."""

import itertools

from aigw.config.plugins import find_plugin, installed_plugins
from aigw.higress.places import OTHER_PLACES, sort

OWN = {name: find_plugin(name).place for name in installed_plugins()}


def order(names):
    return sort({name: (OWN | OTHER_PLACES)[name] for name in names})


def test_the_recorded_order():
    expected = ["model-router", "key-auth", "ai-statistics", "ai-cache", "ai-token-ratelimit", "ai-proxy"]
    for names in itertools.permutations(expected):
        assert order(names) == expected


def test_phases_go_before_priorities():
    assert order(["mcp-router", "bot-detect", "key-auth", "waf"]) == ["key-auth", "waf", "bot-detect", "mcp-router"]


def test_equal_places_do_not_depend_on_the_file():
    assert order(["traffic-tag", "ai-rag"]) == order(["ai-rag", "traffic-tag"]) == ["ai-rag", "traffic-tag"]


def test_all_places_in_order():
    names = order(OWN | OTHER_PLACES)
    assert names[:4] == ["ai-data-masking", "custom-response", "model-router", "model-mapper"]
    assert names[-5:] == [
        "ai-context-limit",
        "ai-proxy",
        "ai-load-balancer",
        "cluster-key-rate-limit",
        "key-rate-limit",
    ]


def test_a_plugin_that_aigw_has_says_its_place_itself():
    assert not OWN.keys() & OTHER_PLACES.keys()
