"""Sums over processes that come, go and crash: a counter never goes down."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from aigw.books.metrics import Metrics
from aigw.books.series import Labels

LABELS: Labels = ("test-route", "outbound|443||llm.internal.dns", "gpt-4o", "none")
ROOT = Path(__file__).parents[2]


def test_a_process_writes_its_counts_and_another_sums_them(tmp_path: Path) -> None:
    metrics = Metrics(tmp_path)
    metrics.start()
    metrics.add(LABELS, {"input_token": 3})
    metrics.close()
    assert (tmp_path / "metrics" / f"{os.getpid()}.json").exists()
    assert (tmp_path / "metrics").stat().st_mode & 0o077 == 0
    assert Metrics(tmp_path).counts() == {("input_token", LABELS): 3}
    assert metrics.counts() == {("input_token", LABELS): 3}


COUNT = """
import os, sys
from pathlib import Path
from aigw.books.metrics import Metrics
metrics = Metrics(Path(sys.argv[1]))
metrics.start()
metrics.add(("r", "c", "m", "u"), {"input_token": int(sys.argv[2])})
metrics.write()
print(metrics.counts()["input_token", ("r", "c", "m", "u")], flush=True)
sys.stdin.readline()
os._exit(1)
"""


def worker(folder: Path, tokens: int) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-c", COUNT, str(folder), str(tokens)]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT)


def line(process: subprocess.Popen[bytes]) -> int:
    assert process.stdout is not None
    return int(process.stdout.readline())


def test_sums_never_go_down_when_processes_die(tmp_path: Path) -> None:
    key = ("input_token", ("r", "c", "m", "u"))
    with worker(tmp_path, 1) as first, worker(tmp_path, 10) as second:
        line(first), line(second)
        mine = Metrics(tmp_path)
        mine.add(key[1], {key[0]: 100})
        assert mine.counts()[key] == 111
        first.communicate(b"\n")
        assert mine.counts()[key] == 111
        mine.fold()
        assert not (tmp_path / "metrics" / f"{first.pid}.json").exists()
        assert (tmp_path / "metrics" / f"{second.pid}.json").exists()
        assert mine.counts()[key] == 111
        with worker(tmp_path, 1000) as third:
            assert line(third) == 1011
            third.communicate(b"\n")
        second.communicate(b"\n")
    mine.write()
    mine.fold()
    assert {path.name for path in (tmp_path / "metrics").glob("*.json")} == {"dead.json", f"{os.getpid()}.json"}
    assert Metrics(tmp_path).counts()[key] == 1111


def test_a_number_that_comes_again_loses_nothing(tmp_path: Path) -> None:
    for _ in range(3):  # a container gives every process the same number
        metrics = Metrics(tmp_path)
        metrics.start()
        metrics.add(LABELS, {"input_token": 5})
        metrics.close()
    assert Metrics(tmp_path).counts() == {("input_token", LABELS): 15}


def test_a_crash_between_moving_and_removing_counts_once(tmp_path: Path) -> None:
    with worker(tmp_path, 7) as process:
        line(process)
        process.communicate(b"\n")
    left = tmp_path / "metrics" / f"{process.pid}.json"
    content = left.read_bytes()
    Metrics(tmp_path).fold()
    left.write_bytes(content)  # as if the removal had not happened
    key = ("input_token", ("r", "c", "m", "u"))
    assert Metrics(tmp_path).counts()[key] == 7
    Metrics(tmp_path).fold()
    assert not left.exists()
    assert Metrics(tmp_path).counts()[key] == 7


def test_a_broken_file_is_left_out(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    metrics = Metrics(tmp_path)
    metrics.add(LABELS, {"input_token": 5})
    metrics.write()
    (tmp_path / "metrics" / "1.json").write_text('{"version":')
    assert metrics.counts() == {("input_token", LABELS): 5}
    assert "1.json" in caplog.text


def test_a_file_of_another_version_is_left_out(tmp_path: Path) -> None:
    folder = tmp_path / "metrics"
    folder.mkdir()
    row = ["input_token", LABELS, 5]
    (folder / "1.json").write_text(json.dumps({"version": 2, "worker": "x", "series": [row]}))
    assert Metrics(tmp_path).counts() == {}


def test_a_folder_that_cannot_be_written_is_logged(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "metrics").write_text("")
    metrics = Metrics(tmp_path)
    metrics.add(LABELS, {"input_token": 5})
    metrics.write()
    assert "cannot write metrics" in caplog.text
    assert metrics.counts() == {("input_token", LABELS): 5}
