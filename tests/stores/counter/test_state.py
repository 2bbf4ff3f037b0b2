"""The state of one key: when it expires, and what a charge makes of it."""

import pytest

from aigw.core.stores import LEASE, Count, Limit, StoreError
from aigw.stores.counter.schema import FORMAT
from aigw.stores.counter.state import State, drop, forget, free, hold, listed, look, put, see
from aigw.stores.sqlite_file import open_for_writing

NOW = 100.0
NOTHING = State(None, None, 0, None)
LARGEST = (1 << 63) - 1


@pytest.mark.parametrize(
    ("ends", "frees", "expected"),
    [(None, None, False), (100.1, None, False), (100.0, None, True), (None, 100.0, True), (200.0, 99.0, True)],
)
def test_expired(ends, frees, expected):
    assert State(1, ends, 0, frees).expired(NOW) is expected


def test_counted():
    assert NOTHING.counted(NOW) == Count(0, 0, 0.0)
    assert State(5, 130.0, 7, 110.0).counted(NOW) == Count(5, 7, 30.0)


@pytest.mark.parametrize(
    ("state", "limit", "charge", "within", "after"),
    [
        (NOTHING, Limit("a", 10, 60), 4, False, (4, 160.0)),
        (NOTHING, Limit("a", 10, 0), 4, False, (4, None)),
        (NOTHING, Limit("a", 10, 60), 0, False, (None, None)),
        (State(4, 120.0, 0, None), Limit("a", 10, 60), 3, False, (7, 120.0)),
        (State(10, 120.0, 0, None), Limit("a", 10, 60), 3, True, (13, 120.0)),
        (State(11, 120.0, 0, None), Limit("a", 10, 60), 3, True, (11, 120.0)),
        (State(11, 120.0, 0, None), Limit("a", 10, 60), 3, False, (14, 120.0)),
        (State(4, None, 0, None), Limit("a", 10, 60), -6, False, (-2, None)),
    ],
)
def test_charged(state, limit, charge, within, after):
    assert state.charged(limit, charge, within=within, now=NOW)[:2] == after


@pytest.mark.parametrize(("used", "charge"), [(LARGEST, 1), (-LARGEST, -1)])
def test_a_charge_of_more_than_64_bits(used, charge):
    with pytest.raises(StoreError, match="64 bits"):
        State(used, None, 0, None).charged(Limit("a", 1), charge, within=False, now=NOW)


@pytest.fixture
def connection(tmp_path):
    connection = open_for_writing(tmp_path / "counters.sqlite", FORMAT)
    yield connection
    connection.close()


def test_what_has_expired_is_deleted_and_does_not_come_back_with_the_clock(connection):
    put(connection, b"a", 5, ends=90.0)
    hold(connection, b"a", "there/0", 4, frees=200.0)
    assert see(connection, b"a") == State(5, 90.0, 4, 200.0, 200.0)
    assert look(connection, b"a", NOW) == State(None, None, 4, 200.0, 200.0)
    assert look(connection, b"a", 50.0) == State(None, None, 4, 200.0, 200.0)


@pytest.mark.parametrize(("name", "used", "ends"), [("t/0", 13, None), ("t/-0", 7, None), ("t/60", 13, None)])
def test_a_hold_whose_lease_has_ended_is_charged_until_it_is_settled(connection, name, used, ends):
    put(connection, b"a", 10)
    hold(connection, b"a", name, 3, frees=95.0)
    assert look(connection, b"a", NOW)[:3] == (used, ends, 0)
    assert look(connection, b"a", 50.0)[:3] == (used, ends, 0)
    assert not free(connection, b"a", name)
    assert forget(connection, b"a", name, NOW)
    assert not forget(connection, b"a", name, NOW)


def test_what_ends_too_late_because_the_clock_was_set_back_ends_earlier(connection):
    put(connection, b"a", 5, ends=9000.0)
    hold(connection, b"a", "t/60", 3, frees=9000.0)
    assert look(connection, b"a", NOW, 60) == State(5, NOW + 60, 3, NOW + LEASE, NOW + LEASE)


def test_keys_are_listed_up_to_an_end(connection):
    for key in (b"a", b"b", b"c", b"d"):
        put(connection, key, 1)
    hold(connection, b"bb", "only held", 1, frees=200.0)
    assert listed(connection, b"b", b"d", 10) == [(b"b", None), (b"c", None)]
    assert listed(connection, b"a", b"z", 1) == [(b"a", None)]
    drop(connection, b"bb")
    assert see(connection, b"bb") == NOTHING
