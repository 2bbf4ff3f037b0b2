"""A transaction knows of each key what the file has, whatever its decisions have changed."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aigw.core.stores import LEASE, Limit
from aigw.stores.counter import state
from aigw.stores.counter.schema import FORMAT
from aigw.stores.counter.transaction import Transaction
from aigw.stores.sqlite_file import open_for_writing

LIMIT = Limit("a", 100, 60)
KEYS = st.sampled_from([b"a", b"b"])
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("hold"), KEYS, st.sampled_from("xyz"), st.integers(1, 9)),
        st.tuples(st.just("free"), KEYS, st.sampled_from("xyz"), st.integers(1, 3)),
        st.tuples(st.just("charge"), KEYS, st.just(""), st.integers(-5, 9)),
        st.tuples(st.just("wait"), KEYS, st.just(""), st.sampled_from([1, 30, 61, int(LEASE) + 1, -100])),
    ),
    max_size=12,
)


@contextlib.contextmanager
def opened(path):
    with contextlib.closing(open_for_writing(path / "counters.sqlite", FORMAT)) as connection:
        yield connection


@pytest.fixture(scope="module")
def connection(tmp_path_factory):
    with opened(tmp_path_factory.mktemp("counters")) as connection:
        yield connection


@given(STEPS)
def test_it_knows_what_the_file_has(connection, steps):
    connection.execute("BEGIN")
    transaction, now, held = Transaction(connection), 1000.0, set()
    for what, key, name, number in steps:
        before = transaction.look(key, now, LIMIT.window)
        if what == "hold" and (key, name) not in held:
            held.add((key, name))
            transaction.hold(key, f"{name}/60", number, now + LEASE)
        elif what == "free":
            transaction.free(key, f"{name}/60", number)
        elif what == "charge" and (after := before.charged(LIMIT, number, within=False, now=now)) is not before:
            transaction.charge(key, after)
        elif what == "wait":
            now += number
        known = transaction.look(key, now, LIMIT.window)
        assert known.counted(now) == state.look(connection, key, now, LIMIT.window).counted(now)
    connection.execute("ROLLBACK")


def test_what_is_changed_without_it_is_read_when_it_forgets(connection):
    connection.execute("BEGIN")
    transaction = Transaction(connection)
    assert transaction.look(b"a", 1.0).used is None
    state.put(connection, b"a", 7)
    assert transaction.look(b"a", 1.0).used is None
    transaction.forget()
    assert transaction.look(b"a", 1.0).used == 7
    connection.execute("ROLLBACK")


def test_what_was_held_is_freed_once(connection):
    connection.execute("BEGIN")
    transaction = Transaction(connection)
    transaction.hold(b"a", "x/60", 5, 1.0 + LEASE)
    assert transaction.look(b"a", 1.0).held == 5
    assert [transaction.free(b"a", "x/60", 5), transaction.free(b"a", "x/60", 5)] == [True, False]
    assert transaction.look(b"a", 1.0).held == 0
    connection.execute("ROLLBACK")
