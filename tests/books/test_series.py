"""Labels come from clients: they are cleaned, shortened and bounded."""

from __future__ import annotations

from pathlib import Path

from aigw.books.metrics import Metrics
from aigw.books.series import MAX_LABEL, OTHER


def test_a_counter_of_the_whole_gateway_is_not_bounded(tmp_path: Path) -> None:
    metrics = Metrics(tmp_path, max_series=0)
    metrics.add((), {"ai_sec_request_deny": 1})
    metrics.write()
    assert Metrics(tmp_path).render().endswith(b"\nai_sec_request_deny 1\n")


def test_series_are_bounded() -> None:
    metrics = Metrics(max_series=3)
    for number in range(10):
        metrics.add(("r", "c", f"m{number}", "u"), {"input_token": 1})
    metrics.add(("r", "c", "m0", "u"), {"input_token": 1})
    counts = metrics.counts()
    assert counts["input_token", ("r", "c", "m0", "u")] == 2
    assert counts["input_token", ("r", "c", OTHER, OTHER)] == 7
    assert len(counts) == 4
    assert sum(counts.values()) == 11


def test_labels_are_cut() -> None:
    metrics = Metrics()
    metrics.add(("r", "c", "m" * 5000, "u"), {"input_token": 1})
    metrics.add(("r", "c", "m" * 5000, "u"), {"input_token": 1})
    assert metrics.counts() == {("input_token", ("r", "c", "m" * MAX_LABEL, "u")): 2}


def test_a_label_that_is_no_unicode_text_is_cleaned(tmp_path: Path) -> None:
    metrics = Metrics(tmp_path)
    metrics.start()
    for _ in range(2):
        metrics.add(("r", "c", "m\ud800", "caf\udce9"), {"input_token": 1})  # a header with a byte that is not UTF-8
    metrics.close()
    assert Metrics(tmp_path).counts() == {("input_token", ("r", "c", "m\ufffd", "caf\ufffd")): 2}
