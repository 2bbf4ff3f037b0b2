"""PDF: pages, paragraphs, titles of the outline, and what is no content."""

import pytest
from documents import pdf

from aigw.rag.document import Block, UnreadableError
from aigw.rag.readers.pdf import arrange, read, without_margins
from aigw.rag.readers.pdf_titles import Line, Title

LONG = "This line is as long as most lines of this page are, so it goes on"


def test_pages_have_paragraphs_and_the_outline_has_the_titles():
    data = pdf(
        [["1. First", LONG, "and ends.", LONG, "here."], ["Second (part)", LONG]],
        [("First", 0), ("Second (part)", 1)],
        "The title",
    )
    document = read(data)
    assert document.title == "The title"
    assert document.blocks == [
        Block("heading", "1. First", page=1, level=1, title="First"),
        Block("paragraph", f"{LONG}\nand ends.", page=1),
        Block("paragraph", f"{LONG}\nhere.", page=1),
        Block("heading", "Second (part)", page=2, level=1, title="Second (part)"),
        Block("paragraph", LONG, page=2),
    ]


def test_a_title_that_no_line_has_stands_before_its_page():
    blocks = list(arrange([["a"], ["b"], ["c"]], [Title(1, "B", 2), Title(2, "C", 3)]))
    assert [(block.text, block.title, block.page) for block in blocks] == [
        ("a", "", 1),
        ("", "B", 2),
        ("b", "", 2),
        ("", "C", 3),
        ("c", "", 3),
    ]


def test_titles_on_the_same_page_are_found_one_after_the_other():
    blocks = list(arrange([["2.1 Use", "x", "2.2 Use", "y"]], [Title(1, "Use", 1), Title(1, "Use", 1)]))
    assert [block.text for block in blocks] == ["2.1 Use", "x", "2.2 Use", "y"]


def test_lists_are_paragraphs_of_their_own():
    blocks = list(arrange([[LONG, "• one", "• two"]], []))
    assert [block.text for block in blocks] == [LONG, "• one", "• two"]


def test_what_stands_on_most_pages_is_no_content():
    pages = [["Manual 1", f"text {n}", f"page {n}"] for n in "abcd"] + [["Other", "7"], ["Manual 9"]]
    lines = [[Line(text) for text in page] for page in pages]
    left = [[line.text for line in page] for page in without_margins(lines)]
    assert left == [[f"text {n}", f"page {n}"] for n in "abcd"] + [["Other"], ["Manual 9"]]
    assert without_margins(lines[:2]) == lines[:2]


def test_without_an_outline_large_lines_are_titles():
    text = [LONG] * 6
    document = read(
        pdf([[(20, "The book"), (14, "Part (one)"), *text], [*text, (14, "Part two"), *text]], title="untitled")
    )
    assert document.title == ""
    assert [(block.level, block.page, block.title or block.text) for block in document.blocks] == [
        (1, 1, "The book"),
        (2, 1, "Part (one)"),
        (0, 1, "\n".join(text)),
        (0, 2, "\n".join(text)),
        (2, 2, "Part two"),
        (0, 2, "\n".join(text)),
    ]


def test_a_scan_is_said_to_be_one():
    with pytest.raises(UnreadableError, match="no page has text; perhaps it was scanned"):
        read(pdf([[], []]))


@pytest.mark.parametrize("data", [b"%PDF-1.4 no more", pdf([["a"]])[:200], b"%PDF-1.4\n" + bytes(1000)])
def test_what_is_broken_is_said(data):
    with pytest.raises(UnreadableError, match="PDFium cannot read it"):
        read(data)


def test_every_page_is_read():
    document = read(pdf([[f"page {number}"] for number in range(60)]))
    assert [block.page for block in document.blocks] == list(range(1, 61))
