"""Titles of a PDF by the size of their font."""

from aigw.rag.readers.pdf_titles import Line, Title, titles_by_size

TEXT = [Line("This is the text of the page, which is longer than all titles.", 10)] * 9


def test_lines_that_are_larger_than_most_text_are_titles_by_their_size():
    pages = [[Line("Book", 20), *TEXT, Line("Part  1", 14)], [*TEXT, Line("Small print", 11), Line("Part 2", 14)]]
    assert titles_by_size(pages) == [Title(1, "Book", 1), Title(2, "Part 1", 1), Title(2, "Part 2", 2)]


def test_what_is_large_and_no_title():
    assert titles_by_size([[Line("12", 20), Line("x" * 121, 20), Line("", 20), *TEXT]]) == []


def test_levels_end_with_the_fourth():
    pages = [[*TEXT, *TEXT, *(Line(f"Title {size}", size) for size in (40, 30, 20, 18, 16))]]
    assert [title.level for title in titles_by_size(pages)] == [1, 2, 3, 4, 4]


def test_a_page_of_slogans_has_no_titles():
    assert titles_by_size([[*TEXT[:1], *[Line("Slogan", 20)] * 3]]) == []


def test_nothing_is_known_without_sizes():
    assert titles_by_size([]) == titles_by_size([[]]) == titles_by_size([[Line("Title"), *[Line("text")] * 9]]) == []
