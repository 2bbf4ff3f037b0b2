"""The words that are indexed, and those that are searched for."""

import sqlite3

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aigw.stores.faiss import words

SCHEMA = "CREATE VIRTUAL TABLE words_other USING fts5 (text, content='', tokenize='porter unicode61')"


def put(connection, key, text):
    connection.execute("INSERT INTO words_other (rowid, text) VALUES (?, ?)", (key, words.indexed("", text)))


@pytest.fixture
def connection():
    with sqlite3.connect(":memory:") as connection:
        connection.execute(SCHEMA)
        yield connection
    connection.close()


@pytest.mark.parametrize(
    ("question", "terms"),
    [
        ("How do I restart the Server?", ["restart", "server"]),
        ("企鹅如何游泳", ["企鹅", "鹅如", "何游", "游泳"]),
        ("使用 GPU 的方法", ["使用", "gpu", "的方", "方法"]),
        ("snake_case x-y a.b", ["snake", "case", "x", "y", "b"]),
        ("使用GPU的方法", ["使用", "gpu", "的方", "方法"]),
        ("pytest-5.2.0", ["pytest", "5dot2dot0", "5dot2", "5"]),
        ("v7.0.0rc1 of 10.0.0.1.", ["7dot0dot0rc1", "7dot0", "7", "10dot0dot0dot1", "10dot0dot0", "10dot0", "10"]),
        ("版本3.11的", ["版本", "3dot11", "3"]),
        ("e.g. 3 x86", ["e", "g", "3", "x86"]),
        ("who is it", ["who", "is", "it"]),
        ("same same", ["same"]),
        ("?!", []),
    ],
)
def test_terms(question, terms):
    assert words.terms(question) == terms


@pytest.mark.parametrize(
    ("question", "pairs"),
    [
        ("How do I restart the print server now?", ["print server", "server now"]),
        ("企鹅如何游泳", ["企鹅 鹅如", "何游 游泳"]),
        ("a cat", []),
        ("big cat, big cat", ["big cat", "cat big"]),
        ("?!", []),
    ],
)
def test_pairs(question, pairs):
    assert words.pairs(question) == pairs


def test_a_long_question_is_cut():
    assert len(words.terms(" ".join(f"w{number}" for number in range(1000)))) == words.MOST_TERMS


def test_what_is_indexed():
    assert words.indexed("Guide", "Ab 企鹅游泳c") == "Guide\nAb  企鹅 鹅游 游泳 c"
    assert words.indexed("", "水") == " 水 "
    assert words.indexed("Notes > Notes 5.2", "Notes 5.2") == "Notes 5dot2 5"


def test_a_version_is_found_by_its_beginning_and_before_its_neighbours(connection):
    for key, version in enumerate(("2.5.0", "5.2.0", "5.2.1", "5.0.2"), 1):
        put(connection, key, f"pytest {version} is there")
    assert [key for key, _ in found(connection, *words.terms("pytest-5.2.0"))[0]] == [2, 3, 4, 1]
    assert {key for key, _ in found(connection, *words.terms("5.2"))[0]} == {2, 3, 4}
    assert [key for key, _ in found(connection, *words.terms("v2.5"))[0]] == [1]


def found(connection, *asked, passages=100):
    """The best passages with their BM25, and the mass."""
    counts = words.counts(connection, "words_other", asked)
    return words.best(connection, "words_other", counts, 10, "", ()), words.mass(counts, passages)


def test_the_mass_is_what_a_passage_with_all_words_may_have(connection):
    for key in range(1, 100):
        put(connection, key, f"filler {key}")
    put(connection, 100, "penguin penguin penguin swims")
    ((key, most),), mass = found(connection, "penguins")
    assert key == 100
    assert 0.5 * mass < most <= mass
    assert found(connection, "filler")[1] == 0, "what nearly all have says nothing"
    assert found(connection, "unknown")[1] > mass
    assert found(connection, "unknown")[0] == []


def test_of_many_common_words_the_rarest_are_searched_for(connection):
    connection.execute(
        """WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)
            INSERT INTO words_other (rowid, text) SELECT i, CASE WHEN i % 2 THEN 'odd all' ELSE 'even all' END FROM n""",
        (words.MOST_ROWS,),
    )
    put(connection, words.MOST_ROWS + 1, "rare all")
    assert list(words.counts(connection, "words_other", ["all", "even", "rare"])) == ["rare", "even"]
    assert list(words.counts(connection, "words_other", ["all"])) == ["all"], "one is always searched for"
    put(connection, words.MOST_ROWS + 2, "all")
    assert words.counts(connection, "words_other", ["all"]) == {"all": words.MOST_ROWS + 1}
    assert found(connection, "all", "rare")[0] == [(words.MOST_ROWS + 1, pytest.approx(10, rel=0.5))]


@given(st.text(), st.text())
def test_any_question_is_answered(text, question):
    with sqlite3.connect(":memory:") as connection:
        connection.execute(SCHEMA)
        put(connection, 1, text)
        for asked in (words.terms(question), words.pairs(question), words.terms(text), words.pairs(text)):
            best, mass = found(connection, *asked, passages=1)
            assert {key for key, _ in best} <= {1}
            assert mass >= 0
    connection.close()
