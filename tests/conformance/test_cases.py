"""Each case against the real gateway process."""

from __future__ import annotations

from pathlib import Path

import pytest
from player.cases import Case
from player.mismatch import Mismatch
from player.play import play


async def test_case(case: Case, store: str, tmp_path: Path) -> None:
    failure = ""
    try:
        await play(case, tmp_path, store)
    except Mismatch as error:
        failure = str(error)
    if failure:
        pytest.fail(f"{case['id']} ({case['title']})\n{failure}", pytrace=False)
