"""Positions in a text that was changed lead back to the text as it was given."""

from aigw.guard.view import Piece, View, joined, seen_through


def test_what_is_kept_leads_to_itself_and_what_was_replaced_to_all_of_it():
    view = joined([Piece("ab", 0, 2, True), Piece("", 2, 5), Piece("-", 5, 9), Piece("cd", 9, 11, True)])
    assert view.text == "ab-cd"
    assert view.place(0, 2) == (0, 2)
    assert view.place(2, 3) == (5, 9)
    assert view.place(1, 4) == (1, 10)
    assert view.place(3, 5) == (9, 11)


def test_a_view_of_a_view_leads_to_the_beginning():
    outer = joined([Piece("abc", 3, 6, True)])
    backwards = View("cba", lambda start, end: (3 - end, 3 - start))
    assert seen_through(outer, backwards).place(0, 1) == (5, 6)
