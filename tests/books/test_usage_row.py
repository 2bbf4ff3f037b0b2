"""Which requests failed: a client that leaves is no failure, whatever the status."""

import pytest

from aigw.books.usage_row import UsageRow


@pytest.mark.parametrize(
    ("outcome", "status", "failed"),
    [("complete", 200, False), ("complete", 399, False), ("complete", 400, True), ("complete", 502, True),
     ("failed", 200, True), ("aborted", 200, False), ("aborted", 499, False)],
)  # fmt: skip
def test_failures(outcome, status, failed):
    assert UsageRow(id="1", at=1.0, route="r", outcome=outcome, status=status).failed is failed
