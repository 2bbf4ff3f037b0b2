"""How cases are played: with which stores, and which of them by a process of their own."""

from __future__ import annotations

from typing import Any

from player import in_process, process
from player.ways import needs_clock, stores_of, ways

REDIS = {"redis": {"service_name": "redis.static"}}
REFUSED = {"expect_config": "rejected"}


def case_of(name: str, plugin: str, *steps: dict[str, Any], **more: Any) -> dict[str, Any]:
    played = [{"request": {"path": "/"}, "expect": {"local_reply": "none"}} | step for step in steps]
    return {"id": name, "plugin": plugin, "config": {}, **({"steps": played} if played else {}), **more}


def test_with_which_stores() -> None:
    assert stores_of(case_of("x", "p", {}, config=REDIS)) == ["redis", "local"]
    assert stores_of(case_of("x", "p", {}, config=REDIS, redis_down=True)) == ["redis"]
    assert stores_of(case_of("x", "p", config=REDIS, **REFUSED)) == ["local"]
    assert stores_of(case_of("x", "p", config=REDIS, expect_config="accepted", redis_client={"db": 1})) == ["redis"]
    assert stores_of(case_of("x", "p", {})) == ["local"]


def test_a_process_has_the_first_of_each_kind_and_what_needs_one() -> None:
    cases = [
        case_of("not built", "no-such-plugin", {}),
        case_of("prose", "ai-proxy", properties=["it is quick"]),
        case_of("first", "ai-proxy", {}),
        case_of("second", "ai-proxy", {}),
        case_of("refused", "ai-proxy", **REFUSED),
        case_of("refused too", "ai-proxy", configs_rejected=[{}]),
        case_of("other", "ai-cache", {}),
        case_of("stored", "ai-cache", {}, config=REDIS),
        case_of("stored too", "ai-cache", {}, config=REDIS),
        case_of("moved", "ai-cache", {}, {"advance_s": 1}, config=REDIS),
        case_of("span", "ai-proxy", {"expect": {"span_tags": {}}}),
        case_of("several", "x", plugins=[{"name": "ai-cache"}, {"name": "ai-proxy"}], steps=[]),
    ]
    found = [(way.case["id"], way.store) for way in ways(cases) if way.gateways is process]
    assert found == [
        ("first", "local"),
        ("refused", "local"),
        ("other", "local"),
        ("stored", "redis"),
        ("moved", "local"),
        ("span", "local"),
        ("several", "local"),
    ]
    rest = [(way.case["id"], way.store) for way in ways(cases) if way.gateways is in_process]
    assert rest == [
        ("not built", "local"),
        ("prose", "local"),
        ("second", "local"),
        ("refused too", "local"),
        ("stored", "local"),
        ("stored too", "redis"),
        ("stored too", "local"),
        ("moved", "redis"),
    ]


def test_what_is_counted_in_windows_over_several_steps_needs_a_clock() -> None:
    limited = case_of("x", "ai-token-ratelimit", {}, {}, config=REDIS)
    assert needs_clock(limited, "local")
    assert not needs_clock(limited, "redis")
    assert not needs_clock(case_of("x", "ai-token-ratelimit", {}, config=REDIS), "local")
    assert not needs_clock(case_of("x", "ai-cache", {}, {}, config=REDIS), "local")
