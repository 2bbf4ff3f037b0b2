"""Each case against the real gateway, in this process or in one of its own (see `player/ways.py`)."""

from __future__ import annotations

from pathlib import Path

import pytest
from player.cases import Case
from player.gateway import Gateways
from player.mismatch import Mismatch
from player.play import play
from player.shared_redis import SharedRedis


@pytest.mark.asyncio(loop_scope="session")
async def test_case(case: Case, store: str, gateways: Gateways, redis: SharedRedis, tmp_path: Path) -> None:
    failure = ""
    try:
        await play(case, tmp_path, store, gateways, redis)
    except Mismatch as error:
        failure = str(error)
    if failure:
        pytest.fail(f"{case['id']} ({case['title']})\n{failure}", pytrace=False)
