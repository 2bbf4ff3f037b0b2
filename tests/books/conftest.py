"""A usage log in a folder of its own."""

import pytest
from usage_rows import Clock

from aigw.books.sqlite_log import SqliteUsageLog


@pytest.fixture
def path(tmp_path):
    return tmp_path / "state" / "usage.sqlite"


@pytest.fixture
def log(path):
    log = SqliteUsageLog(path, interval=0.01, retry=0.01, now=Clock())
    yield log
    log.close()
