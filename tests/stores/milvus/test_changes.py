"""Writers that are killed at any call to the server: what others see then, and what `tidy` leaves."""

import itertools
import time

import pytest
from collection_contract import info, one, passage, rows

from aigw.core.retrieval import RetrievalError, Source
from aigw.stores.milvus.address import parse
from aigw.stores.milvus.changes import ABANDONED_SECONDS, Writer, version
from aigw.stores.milvus.reading import NEEDED, Reader
from aigw.stores.milvus.rows import Identity
from aigw.stores.milvus.server import Server
from aigw.stores.milvus.table import Table


class Killed(BaseException):
    pass


class DyingServer(Server):
    """The connection of a process that is killed after so many calls."""

    calls = 10**9

    def call(self, name, method, *arguments, **named):
        self.calls -= 1
        if self.calls < 0:
            raise Killed
        return super().call(name, method, *arguments, **named)


@pytest.fixture
def connect(server, database):
    opened = []

    def open_(kind=Server):
        opened.append(kind(parse(f"{server.url}/{database}")))
        return opened[-1]

    yield open_
    for each in opened:
        each.close()


@pytest.fixture
def table(connect):
    return Table(connect(), "docs")


@pytest.fixture
def identity(table):
    identity = Identity(info(), "salt")
    table.create(identity)
    return identity


def replace(writer, round_, source="a"):
    passages = [passage(f"{round_}-{number}", f"text {round_}", source=source) for number in range(4)]
    writer.replace([Source(source, str(round_))], passages, rows(0, 1, 2, 3))


CHANGES = {
    "replace": (lambda writer: replace(writer, 1), {"text 1"}),
    "remove": (lambda writer: writer.remove(["a"]), set()),
    "upsert": (
        lambda writer: writer.upsert(
            [passage(f"0-{number}", "text 1") for number in range(4)], rows(0, 1, 2, 3), False
        ),
        {"text 1"},
    ),
}


@pytest.mark.parametrize("change", ["replace", "remove"])
def test_a_killed_writer_leaves_the_old_state_or_the_new_one(connect, table, identity, change):
    act, after = CHANGES[change]
    seen = []
    for calls in itertools.count():
        mine = Reader(table, identity)
        writer = Writer(table, identity, mine)
        replace(writer, 0)
        began = version(table, 0.0)
        dying = DyingServer(connect().address)
        theirs = Table(dying, "docs")
        other = Writer(theirs, identity, Reader(theirs, identity))
        dying.calls = calls
        try:
            act(other)
        except Killed:
            killed = True
        else:
            killed = False
        dying.close()
        found = mine.believed(lambda more, mine=mine: table.search(one(0), f"kind == 0{more}", 100, (*NEEDED, "text")))
        texts = {row["text"] for row in found}
        assert (texts, len(found)) in (({"text 0"}, 4), (after, 4 * len(after)))
        if texts == after:
            assert version(table, 0.0) != began
        seen.append(texts == after)
        later = Writer(table, identity, mine, lambda: time.time() + 2 * ABANDONED_SECONDS)
        later.tidy()
        assert table.count("kind == 0") == len(found), "nothing is left of what nobody believes"
        assert table.count("kind == 2") == 0
        if not killed:
            break
    assert seen == sorted(seen), "from one call on it is the new state"
    assert not seen[0]
    assert seen[-1]
    assert len(seen) > 5


def test_what_is_under_way_is_not_tidied_up(connect, table, identity):
    reader = Reader(table, identity)
    writer = Writer(table, identity, reader)
    replace(writer, 0)

    class Interrupted(Table):
        def insert(self, some):
            super().insert(some)
            writer.tidy()
            replace(writer, 1)

    other = Interrupted(connect(), "docs")
    replace(Writer(other, identity, Reader(other, identity)), 2)
    found = reader.believed(lambda more: table.find(f"kind == 0{more}", (*NEEDED, "text")))
    assert [row["text"] for row in found] == ["text 2"] * 4
    assert table.count("kind == 0") == 4


def test_two_machines_replace_the_same_source(connect, table, identity):
    """The later one holds, whole, and nothing is left of the other."""
    writer = Writer(table, identity, Reader(table, identity))

    class Late(Table):
        def put(self, some):
            super().put(some)
            if any(row["kind"] == 1 for row in some):
                replace(writer, 1)

    other = Late(connect(), "docs")
    replace(Writer(other, identity, Reader(other, identity)), 2)
    found = Reader(table, identity).believed(lambda more: table.find(f"kind == 0{more}", (*NEEDED, "text")))
    assert [row["text"] for row in found] == ["text 1"] * 4
    assert table.count("kind == 0") == 4
    assert table.count("kind == 2") == 0


def test_a_change_that_fails_is_undone(connect, table, identity):
    class Failing(Table):
        def insert(self, some):
            super().insert(some[:2])
            raise RetrievalError("the server refuses")

    other = Failing(connect(), "docs")
    writer = Writer(other, identity, Reader(other, identity))
    with pytest.raises(RetrievalError, match="refuses"):
        replace(writer, 0)
    assert table.count("kind in [0, 1, 2]") == 0


def test_an_id_is_there_once(table, identity):
    writer = Writer(table, identity, Reader(table, identity))
    replace(writer, 0)
    writer.upsert([passage("0-1", "by a client")], rows(5), False)
    assert table.count("kind == 0") == 4
    replace(writer, 0, "b")
    assert table.count("kind == 0") == 4
    assert sorted(writer.there([identity.place("default", f"0-{n}") for n in range(9)])) == sorted(
        identity.place("default", f"0-{n}") for n in range(4)
    )


def test_a_version_is_another_one_while_a_killed_change_may_come(connect, table, identity):
    dying = DyingServer(connect().address)
    other = Table(dying, "docs")
    dying.calls = 3
    with pytest.raises(Killed):
        replace(Writer(other, identity, Reader(other, identity)), 0)
    dying.close()
    assert table.count("kind == 2") == 1
    now = time.time()
    assert version(table, now) != version(table, now + 1)
    assert version(table, now + 2 * ABANDONED_SECONDS) == version(table, now + 3 * ABANDONED_SECONDS)
