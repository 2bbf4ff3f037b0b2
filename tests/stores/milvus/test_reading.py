"""What a reader believes while others replace a source, at every place where they can come in between."""

import pytest
from collection_contract import info, one, passage, rows

from aigw.core.retrieval import NoCollectionError, RetrievalError, Source
from aigw.stores.milvus.address import parse
from aigw.stores.milvus.changes import Writer
from aigw.stores.milvus.reading import NEEDED, Reader
from aigw.stores.milvus.rows import Identity
from aigw.stores.milvus.server import Server
from aigw.stores.milvus.table import Table


@pytest.fixture
def table(server, database):
    connection = Server(parse(f"{server.url}/{database}"))
    yield Table(connection, "docs")
    connection.close()


@pytest.fixture
def identity(table):
    identity = Identity(info(), "salt")
    table.create(identity)
    return identity


@pytest.fixture
def reader(table, identity):
    return Reader(table, identity)


def replacing(table, identity):
    """As another machine does it."""
    writer = Writer(table, identity, Reader(table, identity))

    def replace(round_, source="a"):
        passages = [passage(f"{source}{round_}-{number}", f"text {round_}", source=source) for number in range(4)]
        writer.replace([Source(source, str(round_))], passages, rows(0, 1, 2, 3))

    return replace


@pytest.mark.parametrize("known", [False, True])
@pytest.mark.parametrize("comes", ["before", "after"])
def test_a_change_that_comes_in_between(table, identity, reader, known, comes):
    """Before rows are searched, or between that and the look at what is named: what is believed is whole."""
    replace = replacing(table, identity)
    replace(0)
    rounds = iter(range(1, 3))

    def find(more):
        if comes == "before" and (round_ := next(rounds, None)):
            replace(round_)
        found = table.search(one(0), f"kind == 0{more}", 10, (*NEEDED, "text"))
        if comes == "after" and (round_ := next(rounds, None)):
            replace(round_)
        return found

    if known:
        reader.believed(lambda more: table.search(one(0), f"kind == 0{more}", 10, NEEDED))
    found = reader.believed(find)
    assert [row["text"] for row in found] == ["text 2"] * 4


def test_what_is_not_named_yet_takes_no_place(table, identity, reader):
    """A killed writer has left four passages that are nearer than all others."""
    replace = replacing(table, identity)
    replace(0)
    replace(1, "b")
    (kept,) = {row["generation"] for row in table.find("kind == 0 and text == 'text 0'", NEEDED)}
    left = [
        row | {"key": row["key"] + 1, "generation": kept + 1}
        for row in table.find(f"generation == {kept} and kind == 0", ["*"])
    ]
    table.insert(left)
    found = reader.believed(lambda more: table.search(one(0), f"kind == 0{more}", 8, (*NEEDED, "text")))
    assert sorted(row["text"] for row in found) == ["text 0"] * 4 + ["text 1"] * 4


def test_a_source_that_is_gone(table, identity, reader):
    replacing(table, identity)(0)
    assert len(reader.believed(lambda more: table.find(f"kind == 0{more}", NEEDED))) == 4
    table.delete([identity.origin("a")])
    assert reader.believed(lambda more: table.find(f"kind == 0{more}", NEEDED)) == []


def test_changes_that_never_end(table, identity, reader):
    replace = replacing(table, identity)

    def find(more):
        replace(0)
        return table.find(f"kind == 0{more}", NEEDED)

    with pytest.raises(RetrievalError, match="docs changes all the time"):
        reader.believed(find)


def test_another_collection_of_the_same_name(table, identity, reader):
    table.drop()
    table.create(Identity(info(), "another"))
    with pytest.raises(NoCollectionError, match="docs was dropped"):
        reader.believed(lambda more: [])
