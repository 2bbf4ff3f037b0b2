"""The command `pytest tests/conformance --cases FILE`, with cases of which most must fail."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
REFUSED = {
    "plugin": "ai-proxy",
    "title": "qwen needs tokens",
    "config": {"provider": {"type": "qwen"}},
    "expect_config": "rejected",
    "reason": "no apiToken found in provider config",
}


async def run(folder: Path, *cases: dict[str, Any]) -> tuple[int | None, str]:
    """The exit code and the output of a run from the repository's root."""
    file = folder / "cases.yaml"
    file.write_text(yaml.safe_dump(list(cases)), encoding="utf-8")
    options = ["-p", "no:cacheprovider", "-n0", "-rs", "tests/conformance/test_cases.py", "--cases", str(file)]
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "pytest", *options, cwd=ROOT, stdout=asyncio.subprocess.PIPE
    )
    output, _ = await process.communicate()
    return process.returncode, output.decode()


def row(output: str, plugin: str) -> list[str]:
    """passed, failed, excepted, not built, prose"""
    return next(line.removeprefix(plugin).split() for line in output.splitlines() if line.startswith(plugin + " "))


async def test_outcomes_and_table(tmp_path: Path) -> None:
    reasons = yaml.safe_load((Path(__file__).parent / "exceptions.yaml").read_text(encoding="utf-8"))
    first, second, *_ = reasons
    code, output = await run(
        tmp_path,
        {"id": "right", **REFUSED},
        {"id": "other-plugin", **REFUSED, "plugin": "no-such-plugin"},
        {"id": "words", "plugin": "ai-proxy", "title": "t", "config": {}, "properties": ["it is quick"]},
        {"id": "other-reason", **REFUSED, "reason": "another reason"},
        {"id": "accepted", **REFUSED, "config": {}},
        {"id": "unknown-name", **REFUSED, "colour": "red"},
        {"id": first, **REFUSED},
        {"id": second, **REFUSED, "reason": "another reason"},
    )
    assert code == 1
    assert row(output, "ai-proxy") == ["1", "4", "1", "0", "1"]
    assert row(output, "no-such-plugin") == ["0", "0", "0", "1", "0"]
    assert row(output, "all") == ["1", "4", "1", "1", "1"]
    for message in (
        "the reason 'another reason' names 'another reason'",
        "the gateway started",
        "does not know colour",
        "not built yet: no-such-plugin",
        "prose: it has nothing that can be played",
    ):
        assert message in output
    assert f"[XPASS(strict)] {reasons[first]}" in output


async def test_a_right_file_passes(tmp_path: Path) -> None:
    code, output = await run(tmp_path, {"id": "right", **REFUSED})
    assert (code, row(output, "all")) == (0, ["1", "0", "0", "0", "0"])
