"""The order of plugins."""

import itertools

from aigw.higress.places import PLACES, sort


def test_the_recorded_order():
    expected = ["model-router", "key-auth", "ai-statistics", "ai-cache", "ai-token-ratelimit", "ai-proxy"]
    for names in itertools.permutations(expected):
        assert sort(names) == expected


def test_phases_go_before_priorities():
    assert sort(["mcp-router", "bot-detect", "key-auth", "waf"]) == ["key-auth", "waf", "bot-detect", "mcp-router"]


def test_equal_places_do_not_depend_on_the_file():
    assert sort(["traffic-tag", "ai-rag"]) == sort(["ai-rag", "traffic-tag"]) == ["ai-rag", "traffic-tag"]


def test_the_whole_table_in_order():
    assert sort(PLACES)[:4] == ["ai-data-masking", "custom-response", "model-router", "model-mapper"]
    assert sort(PLACES)[-4:] == ["ai-proxy", "ai-load-balancer", "cluster-key-rate-limit", "key-rate-limit"]
