"""The command `pytest tests/conformance --cases FILE` with files that say what cannot be."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
REJECTED = {
    "plugin": "ai-proxy",
    "title": "qwen needs tokens",
    "config": {"provider": {"type": "qwen"}},
    "expect_config": "rejected",
    "reason": "no apiToken found in provider config",
}


def run(folder: Path, *cases: dict[str, Any]) -> tuple[int, str]:
    """The exit code and the output of a run from the repository's root."""
    file = folder / "cases.yaml"
    file.write_text(yaml.safe_dump(list(cases)), encoding="utf-8")
    command = [
        sys.executable,
        "-m",
        "pytest",
        "tests/conformance/test_cases.py",
        "--cases",
        str(file),
        "-p",
        "no:cacheprovider",
    ]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    return done.returncode, done.stdout


def row(output: str, plugin: str) -> list[str]:
    """passed, failed, excepted, not built"""
    return next(line.removeprefix(plugin).split() for line in output.splitlines() if line.startswith(plugin + " "))


def test_a_case_passes_and_one_of_an_unknown_plugin_is_not_built(tmp_path: Path) -> None:
    code, output = run(tmp_path, {"id": "A", **REJECTED}, {"id": "B", **REJECTED, "plugin": "no-such-plugin"})
    assert (code, row(output, "ai-proxy"), row(output, "no-such-plugin")) == (
        0,
        ["1", "0", "0", "0"],
        ["0", "0", "0", "1"],
    )


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"reason": "another reason"}, "is not in"),
        ({"config": {}}, "the gateway started"),
        ({"colour": "red"}, "does not know colour"),
    ],
)
def test_a_wrong_case_fails(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    code, output = run(tmp_path, {"id": "A", **REJECTED, **change})
    assert (code, row(output, "ai-proxy")) == (1, ["0", "1", "0", "0"])
    assert message in output


def test_an_exception_that_passes_is_an_error(tmp_path: Path) -> None:
    excepted = next(iter(yaml.safe_load((Path(__file__).parent / "exceptions.yaml").read_text(encoding="utf-8"))))
    code, output = run(tmp_path, {"id": excepted, **REJECTED})
    assert (code, row(output, "ai-proxy")) == (1, ["0", "1", "0", "0"])
    code, output = run(tmp_path, {"id": excepted, **REJECTED, "reason": "another reason"})
    assert (code, row(output, "ai-proxy")) == (0, ["0", "0", "1", "0"])
