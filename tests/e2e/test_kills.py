"""A gateway that is killed under load loses no charge and no row: a short run of `python -m tests.kills`."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.skipif(sys.platform != "linux", reason="kills process groups")
@pytest.mark.parametrize("store", ["disk", "redis"])
@pytest.mark.parametrize("budget", [200, 100_000], ids=["used up", "never used up"])
def test_a_few_kills(budget, store):
    command = [sys.executable, "-m", "tests.kills", "--kills", "3", "--budget", str(budget), "--store", store]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert 0 < result["answered"] <= result["reached"] <= result["charged"]
