"""All nine plugins at once, under a load of all kinds: a short run of `python -m tests.soak`."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_three_hundred_requests():
    command = [sys.executable, "-m", "tests.soak", "--requests", "300"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    figures = json.loads(done.stdout)
    assert figures["requests"] >= 300
    assert figures["hits"] > 0
    assert {"200", "400", "403", "429", "502"} <= set(figures["statuses"])
    assert {"whole", "left", "error", "broken"} == set(figures["ends"])
    assert figures["tokens"]["books"] == figures["tokens"]["provider"]
