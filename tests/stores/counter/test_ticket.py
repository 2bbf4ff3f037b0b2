"""Whose tickets are taken for abandoned: what they hold is charged."""

import os

import pytest

from aigw.stores.counter.schema import FORMAT
from aigw.stores.counter.ticket import charge_abandoned, new_ticket
from aigw.stores.sqlite_file import open_for_writing

MACHINE = new_ticket().partition(".")[0]
NOBODY = 1 << 40
"""More than any process has."""


@pytest.mark.parametrize(
    ("ticket", "stays"),
    [
        (new_ticket(), True),
        (f"{MACHINE}.{os.getpid():x}.0.1", False),
        (f"{MACHINE}.{os.getppid():x}.0.1", True),
        (f"{MACHINE}.{NOBODY:x}.0.1", False),
        (f"00000000.{NOBODY:x}.0.1", True),
        ("1234abcd", True),
        ("", True),
        (f"{MACHINE}.x.0.1", True),
    ],
    ids=["own", "own-number-earlier", "parent", "gone", "elsewhere", "other-form", "empty", "no-number"],
)
def test_only_what_surely_nobody_holds_any_more(tmp_path, ticket, stays):
    connection = open_for_writing(tmp_path / "counters.sqlite", FORMAT)
    connection.execute("INSERT INTO holds VALUES (?, ?, 7, 9e9)", (b"k", f"{ticket}/60"))
    charge_abandoned(connection, 100.0)
    assert connection.execute("SELECT count(*) FROM holds").fetchone() == (int(stays),)
    assert connection.execute("SELECT * FROM counters").fetchall() == ([] if stays else [(b"k", 7, 160.0)])
    connection.close()
