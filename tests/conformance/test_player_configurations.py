"""What the player says about configurations: which must be refused and why, what is in force, what was stored before.
It must see what is wrong; here the gateway is a real one, in this process."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from player.cases import check, is_prose, is_served, rejected_of, unplayable
from player.effective import check_effective
from player.mismatch import Mismatch
from player.play import play
from player.reasons import check_reason, names_of
from player.store import given

NO_TOKEN = {"provider": {"type": "qwen"}}
NO_PROVIDER = {"provider": {"type": "nosuch", "apiTokens": ["k"]}}
RIGHT = {"provider": {"type": "qwen", "apiTokens": ["k"], "modelMapping": {"*": "qwen-max"}}}
CHAT = {"path": "/v1/chat/completions", "body": {"model": "m", "messages": [{"role": "user", "content": "hi"}]}}


def case_of(plugin: str = "ai-proxy", **more: Any) -> dict[str, Any]:
    return {"id": "x", "plugin": plugin, "title": "t", **more}


# Refused configurations


async def test_every_one_of_a_list_must_be_refused(tmp_path: Path) -> None:
    (tmp_path / "right").mkdir()
    await play(case_of(configs_rejected=[NO_TOKEN, NO_PROVIDER]), tmp_path / "right")
    with pytest.raises(Mismatch, match=r"the gateway started(.|\n)*'qwen-max'"):
        await play(case_of(configs_rejected=[NO_TOKEN, RIGHT]), tmp_path)


async def test_a_list_beside_a_configuration_that_is_served(tmp_path: Path) -> None:
    step = {"request": CHAT, "expect": {"upstream_path": "/v1"}}
    with pytest.raises(Mismatch, match="upstream_path"):
        await play(case_of(config=RIGHT, steps=[step], configs_rejected=[NO_TOKEN]), tmp_path)


async def test_reasons_of_a_list(tmp_path: Path) -> None:
    entries = [{"config": NO_TOKEN, "reason": "no apiToken"}, {"config": NO_PROVIDER, "reason": "unknown 'nosuch'"}]
    (tmp_path / "right").mkdir()
    await play(case_of(configs_rejected=entries), tmp_path / "right")
    entries[0]["reason"] = "no healthCheckModel"
    with pytest.raises(Mismatch, match="healthCheckModel"):
        await play(case_of(configs_rejected=entries), tmp_path)


def test_what_must_be_refused() -> None:
    assert rejected_of(case_of(config={"a": 1}, expect_config="accepted")) == []
    assert rejected_of(case_of(config={"a": 1}, expect_config="rejected", reason="r")) == [({"a": 1}, "r")]
    several = case_of(
        configs_rejected=[{"a": 1}, {"config": {"b": 1}, "reason": "s"}, {"config": 1, "a": 1}], reason="r"
    )
    assert rejected_of(several) == [({"a": 1}, "r"), ({"b": 1}, "s"), ({"config": 1, "a": 1}, "r")]
    assert not is_served(several)


@pytest.mark.parametrize(
    "wrong",
    [
        {"configs_rejected": []},
        {"configs_rejected": [{}], "plugin": None, "plugins": []},
        {"config": {}, "expect_config": "accepted", "reason": "r"},
        {"config": {}, "expect_config": "rejected", "steps": []},
        {"config": {}, "expect_config": "rejected", "expect_effective": {"a": 1}},
        {"config": {}, "expect_effective": {}},
        {"config": {}, "expect_config": "accepted", "store_before": {"k": "v"}},
    ],
)
def test_a_case_of_which_something_would_go_unchecked(wrong: dict[str, Any]) -> None:
    case = {name: value for name, value in case_of(**wrong).items() if value is not None}
    with pytest.raises(Mismatch):
        check(case)


# The reason


@pytest.mark.parametrize(
    ("reason", "config", "names"),
    [
        ("no apiToken found in provider config", NO_TOKEN, ["apiToken", "provider"]),
        ("unknown provider type: nosuch", NO_PROVIDER, ["provider", "type", "nosuch"]),
        ("replace[0].pattern must not be empty", {"replace": [{"pattern": ""}]}, ["replace", "0", "pattern"]),
        ("must start with 'from-header-' or be exactly \"a b\"", {}, ["from-header-", "a b"]),
        ("one of `token_per_second` must be set for key: x", {"key": "x"}, ["token_per_second", "key", "x"]),
        ("it must not be a list", {"a": "not", "be": ["a", "it"]}, []),
        ("the user's list of 'a' and 'b'", {}, ["a", "b"]),
        ("missing redis in config", {"rule_name": "r"}, []),
    ],
)
def test_names_of_a_reason(reason: str, config: Any, names: list[str]) -> None:
    assert names_of(reason, config) == names


@pytest.mark.parametrize(
    ("reason", "said"),
    [
        ("no apiToken found in provider config", "/t/aigw.yaml:3 plugins.ai-proxy.provider: apiTokens is needed"),
        ("no apiToken found in provider config", "plugins.ai-proxy.provider.apiTokens: APITOKENS!"),
        ("missing redis in config", "/t/aigw.yaml:3: plugins.x: Missing redis in config"),
        ("must be positive, got 0", "/t/aigw.yaml:3: must be 1 or more, not 0"),
    ],
)
def test_the_same_reason_in_other_words(reason: str, said: str) -> None:
    check_reason(reason, said, NO_TOKEN)


@pytest.mark.parametrize(
    ("reason", "said"),
    [
        ("no apiToken found in provider config", "plugins.ai-proxy.provider: nothing is there"),
        ("no apiToken found in provider config", "the apiTokenizer of the provider"),
        ("missing redis in config", "missing rule_name in config"),
        ("must be positive, got 0", "/tmp-0/aigw.yaml:0: must be positive"),
        ("must be positive, got 0", "must be positive, got 10"),
        ("another reason", "a reason"),
    ],
)
def test_another_reason(reason: str, said: str) -> None:
    with pytest.raises(Mismatch, match="is not in"):
        check_reason(reason, said, NO_TOKEN)


# The effective configuration


async def test_what_is_in_force(tmp_path: Path) -> None:
    right = {"provider": {"type": "qwen", "timeout": 120000, "modelMapping": {"*": "qwen-max"}, "customSettings": []}}
    (tmp_path / "right").mkdir()
    await play(case_of(config=RIGHT, expect_effective=right), tmp_path / "right")
    with pytest.raises(Mismatch, match=r"expect_effective\.ai-proxy\.provider\.timeout"):
        await play(case_of(config=RIGHT, expect_effective={"provider": {"timeout": 1}}), tmp_path)


@pytest.mark.parametrize(
    "wrong",
    [
        {"a": 2},
        {"a": "1"},
        {"c": 1},
        {"b": {"c": 1}},
        {"b": {"d": True}},
        {"l": [1]},
        {"l": [2, 1]},
        {"b": []},
        {"a": 0},
    ],
)
def test_what_is_not_in_force(wrong: dict[str, Any]) -> None:
    shown = {"plugins": {"p": {"a": 1, "b": {"c": 2}, "l": [1, 2]}}}
    check_effective(case_of("p", expect_effective={"a": "<int>", "b": {"c": 2, "none": None}, "l": [1, 2]}), shown)
    check_effective({"plugins": [], "expect_effective": {"p": {"a": 1}}}, shown)
    with pytest.raises(Mismatch, match="expect_effective"):
        check_effective(case_of("p", expect_effective=wrong), shown)


# What was stored before the first step


def test_values_that_a_case_puts_into_the_store() -> None:
    assert given("v (ttl 60)") == ("v", 60)
    assert given("v (ttl -1)") == given("v") == ("v", None)
    assert given(100) == ("100", None)
    assert given([{"role": "u"}]) == ('[{"role": "u"}]', None)


async def test_the_gateway_finds_what_was_stored_before(tmp_path: Path) -> None:
    config = {"admin_consumer": "admin", "redis": {"service_name": "redis.static"}}
    step = {"request": CHAT | {"headers": {"x-mse-consumer": "bob"}}, "expect": {"local_reply": "none"}}
    enough = case_of("ai-quota", config=config, store_before={"chat_quota:bob": 100}, steps=[step])
    (tmp_path / "right").mkdir()
    await play(enough, tmp_path / "right")
    with pytest.raises(Mismatch, match="the gateway answered itself"):
        await play(enough | {"store_before": {"chat_quota:bob": 0}}, tmp_path)


async def test_nothing_can_be_stored_without_a_store(tmp_path: Path) -> None:
    step = {"request": CHAT, "expect": {"local_reply": "none"}}
    with pytest.raises(Mismatch, match="names no Redis"):
        await play(case_of(config=RIGHT, store_before={"k": "v"}, steps=[step]), tmp_path)


# The line of the access log


async def test_a_request_without_ai_log(tmp_path: Path) -> None:
    step = {"request": CHAT, "expect": {"ai_log": "none"}}
    (tmp_path / "right").mkdir()
    await play(case_of(config=RIGHT, steps=[step]), tmp_path / "right")
    with pytest.raises(Mismatch, match="ai_log: expected none"):
        await play(case_of("ai-statistics", config={}, steps=[step]), tmp_path)


# Prose


def test_a_case_that_only_tells_is_not_played() -> None:
    prose = case_of(config=RIGHT, properties=["it is quick"])
    assert is_prose(prose)
    assert unplayable(prose).startswith("prose")
    told = prose | {"steps": [{"request": CHAT, "expect": {"local_reply": "none"}}]}
    assert not is_prose(told)
    check(told)
    assert unplayable(told) == ""
    assert unplayable(case_of("no-such-plugin", config={}, steps=[])) == "not built yet: no-such-plugin"
