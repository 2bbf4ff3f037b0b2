"""Splitting: whole, in order, within the limit, at the best place."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aigw.rag.splitting import last_part, split

KINDS = ["paragraph", "code", "table", "list", "heading"]
TEXTS = st.text(alphabet=st.sampled_from("ab .!?。！”\n\t字"), max_size=200)


@given(TEXTS, st.sampled_from(KINDS), st.integers(1, 30))
def test_spans_are_the_whole_text_within_the_limit(text, kind, limit):
    spans = split(text, kind, limit, len)
    assert "".join(text[span.start : span.end] for span in spans) == text
    assert all(span.tokens == span.end - span.start <= limit for span in spans)


@given(TEXTS, st.sampled_from(KINDS), st.integers(0, 100))
def test_the_last_part_is_not_too_long(text, kind, length):
    assert len(text) - length <= last_part(text, kind, length) <= len(text)


def cut(text, kind="paragraph", limit=12):
    return [text[span.start : span.end] for span in split(text, kind, limit, len)]


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("One two. Three four! Five?", ["One two. ", "Three four! ", "Five?"]),
        ('She "is." He left.', ['She "is." ', "He left."]),
        (
            "网关记录每一次调用。它也限制令牌！“真的吗？”是的。",
            ["网关记录每一次调用。", "它也限制令牌！", "“真的吗？”", "是的。"],
        ),
        ("see part 3.4 of v1.2 now", ["see part ", "3.4 of ", "v1.2 now"]),
        ("no sentence\nbut lines", ["no sentence\n", "but lines"]),
        ("abcdefghijklmnopqrst", ["abcdefghij", "klmnopqrst"]),
    ],
)
def test_paragraphs_are_cut_at_sentences_then_lines_then_words(text, parts):
    assert cut(text) == parts


def test_code_is_cut_at_blank_lines_at_the_edge_first():
    code = "def f():\n    a\n\n    b\n\ndef g():\n    c"
    assert cut(code, "code", 18) == ["def f():\n    a\n\n", "    b\n\n", "def g():\n    c"]
    assert cut(code, "code", 24) == ["def f():\n    a\n\n    b\n\n", "def g():\n    c"]


def test_lists_are_cut_between_items():
    assert cut("- one\n  more\n- two\n", "list", 13) == ["- one\n  more\n", "- two\n"]


def test_the_last_part_begins_with_a_sentence_or_a_line_or_a_word():
    assert last_part("One. Two. Three.", "paragraph", 12) == 5
    assert last_part("a\nbb\ncc", "code", 6) == 2
    assert last_part("one two three", "paragraph", 6) == 8
    assert last_part("one two three", "paragraph", 6, words=False) == 13
    assert last_part("abcdef", "paragraph", 3) == 6
