"""Sections: blocks by the headings above them."""

from aigw.rag.document import Block, Document
from aigw.rag.sections import common, sections


def heading(level, title):
    return Block("heading", title, level=level, title=title)


def paths(title, *blocks):
    return [section.path for section in sections(Document(title, blocks))]


def test_a_heading_ends_those_of_its_level_and_below():
    blocks = [heading(1, "a"), heading(3, "b"), heading(2, "c"), heading(2, "d"), heading(1, "e")]
    assert paths("", *blocks) == [("a",), ("a", "b"), ("a", "c"), ("a", "d"), ("e",)]


def test_the_title_of_the_document_stands_above_and_never_twice():
    text = Block("paragraph", "x")
    assert paths("T", text, heading(1, "a")) == [("T",), ("T", "a")]
    assert paths("T", heading(1, "T"), heading(2, "a")) == [("T",), ("T", "a")]


def test_headings_without_a_title_and_long_ones():
    assert paths("", heading(1, ""), heading(2, "x" * 1000)) == [(), ("x" * 120,)]


def test_blocks_stay_with_their_heading():
    blocks = [Block("paragraph", "0"), heading(1, "a"), Block("code", "1"), Block("list", "2")]
    assert [section.blocks for section in sections(Document("", blocks))] == [blocks[:1], blocks[1:]]
    assert list(sections(Document("T", []))) == []


def test_what_two_places_have_in_common():
    assert common(("a", "b"), ("a", "c")) == ("a",)
    assert common(("a",), ("a", "c")) == ("a",)
    assert common((), ("a",)) == ()
