"""Counters: they are written regularly, and whatever fails is logged."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from aigw.books.metrics import Metrics
from aigw.books.series import Labels

LABELS: Labels = ("test-route", "outbound|443||llm.internal.dns", "gpt-4o", "none")


def test_nothing_is_written_before_something_was_counted(tmp_path: Path) -> None:
    metrics = Metrics(tmp_path)
    metrics.start()
    metrics.close()
    assert list(tmp_path.iterdir()) == []


def test_counts_are_written_regularly(tmp_path: Path) -> None:
    written = threading.Event()

    class Watched(Metrics):
        def write(self) -> None:
            super().write()
            written.set()

    metrics = Watched(tmp_path)
    metrics.add(LABELS, {"input_token": 3})
    metrics.start()
    assert written.wait(10)
    assert Metrics(tmp_path).counts() == {("input_token", LABELS): 3}
    metrics.close()


def test_whatever_fails_is_logged_once_and_tried_again(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    metrics = Metrics(tmp_path)
    metrics.add(LABELS, {"input_token\ud800": 1})  # no name of ours, and nothing that can be written
    metrics.start()
    metrics.write()
    metrics.close()
    assert caplog.text.count("cannot write metrics") == 1
