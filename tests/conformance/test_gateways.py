"""The two ways to start a gateway: they must show the same of it, and see the same that is wrong."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from player import in_process, process
from player.gateway import Gateways, tail
from player.mismatch import Mismatch
from player.wire import Sent, exchange

RIGHT = {"listen": "127.0.0.1:0", "plugins": {"ai-proxy": {"provider": {"type": "builtin"}}}}
WRONG = {"listen": "127.0.0.1:0", "plugins": {"ai-proxy": {"provider": {"type": "nosuch"}}}}
CHAT = Sent(
    "POST",
    "/v1/chat/completions",
    {"host": "localhost"},
    b'{"model":"echo","messages":[{"role":"user","content":"hi"}]}',
)

both = pytest.mark.parametrize("gateways", [in_process, process], ids=["in-process", "process"])


@both
async def test_it_serves_until_the_block_ends(gateways: Gateways, tmp_path: Path) -> None:
    async with gateways.running(tmp_path, RIGHT, {}) as gateway:
        answer = await exchange(gateway.url, CHAT)
        await gateway.settle()
        shown = await gateway.effective()
    assert answer.start[1] == "200"
    assert shown["plugins"]["ai-proxy"]["provider"]["type"] == "builtin"
    assert (tmp_path / ".aigw" / "access.jsonl").read_text().count("\n") == 1
    with pytest.raises(Mismatch, match="ConnectionRefused"):
        await exchange(gateway.url, CHAT)


@both
async def test_what_it_says_stands_in_its_folder(gateways: Gateways, tmp_path: Path) -> None:
    unused = RIGHT | {"services": {"redis.mistyped": "redis://127.0.0.1:1"}}
    async with gateways.running(tmp_path, unused, {}):
        pass
    assert "WARNING services: no plugin has a Redis named redis.mistyped" in tail(tmp_path)


@both
async def test_a_refusal(gateways: Gateways, tmp_path: Path) -> None:
    findings = await gateways.refusal(tmp_path, WRONG)
    assert "aigw.yaml:" in findings
    assert "nosuch" in findings
    with pytest.raises(Mismatch, match=r"the gateway did not start(.|\n)*nosuch"):
        async with gateways.running(tmp_path, WRONG, {}):
            pass


@both
async def test_a_right_configuration_is_no_refusal(gateways: Gateways, tmp_path: Path) -> None:
    with pytest.raises(Mismatch, match="the gateway started"):
        await gateways.refusal(tmp_path, RIGHT)


@both
async def test_the_users_variables_are_not_seen(gateways: Gateways, tmp_path: Path) -> None:
    config: dict[str, Any] = {"listen": "127.0.0.1:0"}
    config["plugins"] = {"ai-proxy": {"provider": {"type": "openai", "apiTokens": ["${PLAYER_TEST_API_KEY}"]}}}
    os.environ["PLAYER_TEST_API_KEY"] = "sk-user"
    try:
        assert "PLAYER_TEST_API_KEY" in await gateways.refusal(tmp_path, config)
        assert os.environ["PLAYER_TEST_API_KEY"] == "sk-user"
    finally:
        del os.environ["PLAYER_TEST_API_KEY"]


async def test_there_is_no_other_environment_in_this_process(tmp_path: Path) -> None:
    with pytest.raises(Mismatch, match="PLAYER_CLOCK"):
        async with in_process.running(tmp_path, RIGHT, {"PLAYER_CLOCK": "x"}):
            pass
