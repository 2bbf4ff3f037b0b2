"""Chunks: nothing is lost, nothing is too large, and they follow the structure."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aigw.rag.chunks import chunk
from aigw.rag.document import Block, Document
from aigw.rag.readers.markdown import read


def words(text):
    return len(text.split())


COUNTS = {
    "characters": len,
    "words": words,
    "bytes": lambda text: len(text.encode()),
    "a fixed number more": lambda text: words(text) + 2,
    "joined words have more": lambda text: words(text) + text.count("\n\n") * 3,
    "long words have more": lambda text: sum(1 + len(word) // 5 for word in text.split()),
}
TEXTS = st.text(alphabet=st.sampled_from("ab .。！\n\t字😀|-"), min_size=1, max_size=150).filter(str.strip)
BLOCKS = st.one_of(
    st.builds(Block, st.sampled_from(["paragraph", "code", "table", "list"]), TEXTS),
    st.builds(
        lambda text, level, derived: Block("heading", "" if derived else text, level=level, title=text.strip()[:200]),
        TEXTS,
        st.integers(1, 4),
        st.booleans(),
    ),
)
DOCUMENTS = st.builds(Document, st.sampled_from(["", "T", "A long title of a document"]), st.lists(BLOCKS, max_size=8))


def bare(text):
    return "".join(text.split())


@given(DOCUMENTS, st.sampled_from(sorted(COUNTS)), st.integers(16, 120), st.integers(0, 60), st.booleans())
def test_every_character_is_in_some_piece_in_order_within_the_size(document, counted, size, overlap, titles):
    count = COUNTS[counted]
    pieces = chunk(document, count, size, overlap, titles=titles)
    assert "".join(bare(piece.text[piece.repeated :]) for piece in pieces) == "".join(
        bare(block.text) for block in document.blocks
    )
    for piece in pieces:
        assert count(piece.embedded) <= size
        assert piece.text.strip()


@given(DOCUMENTS, st.integers(16, 80), st.integers(1, 30))
def test_what_is_repeated_stood_before(document, size, overlap):
    before = ""
    for piece in chunk(document, words, size, overlap):
        assert bare(piece.text[: piece.repeated]) in before
        before += bare(piece.text[piece.repeated :])


@given(st.lists(st.sampled_from(["# h", "## i", "a b c. d e f", "- x", "", "", "| a | b |", "|---|---|", "```"]), max_size=60), st.integers(16, 40))  # fmt: skip
def test_the_lines_of_a_piece_are_where_its_text_stands(lines, size):
    for piece in chunk(read("\n".join(lines).encode()), words, size, 8):
        first, last = piece.lines
        there = "\n".join(lines[first - 1 : last])
        assert bare(piece.text[piece.repeated :]) in bare(there)
        assert lines[first - 1].strip()
        assert lines[last - 1].strip()


def texts(document, size=20, overlap=0, **options):
    return [piece.text for piece in chunk(document, words, size, overlap, **options)]


def sentences(start, end):
    return " ".join(f"This is sentence {number}." for number in range(start, end))


def test_a_heading_of_many_sentences_leaves_room_for_what_follows():
    heading = Block("heading", " ".join(sentences(at, at + 5) for at in range(0, 100, 5)), level=1, title="T")
    document = Document("", [heading, Block("paragraph", sentences(0, 4))])
    pieces = chunk(document, words, 20)
    assert "".join(map(bare, (piece.text for piece in pieces))) == "".join(bare(each.text) for each in document.blocks)
    assert all(words(piece.embedded) <= 20 for piece in pieces)


def test_a_section_that_fits_is_one_piece_and_says_where_it_stands():
    document = read(b"# Guide\n\n## Install\n\nFirst.\n\n- one\n- two\n\nLast.")
    (piece,) = chunk(document, words, 40)
    assert piece.text == "# Guide\n\n## Install\n\nFirst.\n\n- one\n- two\n\nLast."
    assert (piece.title, piece.lines, piece.context) == ("Guide > Install", (1, 10), "")


def test_sections_that_are_not_small_stay_apart():
    page = f"# Guide\n\n## Install\n\n{sentences(0, 3)}\n\n## Use\n\n{sentences(3, 6)}"
    pieces = chunk(read(page.encode()), words, 40)
    assert [piece.title for piece in pieces] == ["Guide > Install", "Guide > Use"]
    assert [piece.context for piece in pieces] == ["", "Guide"]


def test_small_sections_are_joined_with_those_under_the_same_heading_only():
    page = f"# Guide\n\n## A\n\n{sentences(0, 9)}\n\n## B\n\none\n\n### B1\n\ntwo\n\n## C\n\nthree\n\n# Other\n\nfour"
    pieces = chunk(read(page.encode()), words, 44)
    assert [piece.title for piece in pieces] == ["Guide > A", "Guide", "Other"]
    assert pieces[1].text == "## B\n\none\n\n### B1\n\ntwo\n\n## C\n\nthree"


def test_a_block_that_fits_stays_whole():
    table = "\n".join(["| a | b |", "|---|---|", *(f"| {n} | x |" for n in range(2))])
    document = read(f"{sentences(0, 3)}\n\n{table}\n\n{sentences(3, 5)}".encode())
    assert texts(document) == [sentences(0, 3), table, sentences(3, 5)]


def test_a_table_that_goes_on_repeats_its_header():
    rows = [f"| {number} | x |" for number in range(9)]
    pieces = chunk(read("\n".join(["| a | b |", "|---|---|", *rows]).encode()), words, 24, 6)
    header = "| a | b |\n|---|---|\n"
    assert len(pieces) > 1
    assert all(piece.text.startswith(header) for piece in pieces)
    assert [piece.repeated for piece in pieces] == [0] + [len(header)] * (len(pieces) - 1)
    assert pieces[1].lines[0] > 2


def test_a_long_paragraph_is_cut_at_sentences_into_equal_parts_that_overlap():
    pieces = chunk(read(sentences(0, 9).encode()), words, 24, 5)
    assert [piece.text for piece in pieces] == [sentences(0, 5), sentences(4, 9)]
    assert pieces[1].text[: pieces[1].repeated] == "This is sentence 4. "


def test_a_heading_stays_with_what_follows():
    page = f"{sentences(0, 3)}\n\n# Next\n\n{sentences(3, 12)}"
    first, second, *_ = texts(read(page.encode()), 16)
    assert first == sentences(0, 3)
    assert second.startswith("# Next\n\nThis is")


def test_titles_can_be_left_out_of_what_is_embedded():
    page = f"# Guide\n\n{sentences(0, 9)}".encode()
    assert {piece.embedded for piece in chunk(read(page), words, 20, titles=False)} == set(
        texts(read(page), titles=False)
    )
    assert chunk(read(page), words, 20)[-1].embedded.startswith("Guide\n\n")


def test_titles_never_take_the_place_of_the_text():
    long = " ".join("word" for _ in range(30))
    pieces = chunk(read(f"# {long}\n\n## Short\n\n{sentences(0, 20)}".encode()), words, 20)
    assert pieces[-1].context == "Short"


def test_a_title_that_no_text_shows_is_context():
    blocks = [Block("heading", "", level=1, title="Shape"), Block("code", "class Shape: ...", 3, 3)]
    (piece,) = chunk(Document("shapes", blocks), words, 20)
    assert (piece.text, piece.context, piece.title) == ("class Shape: ...", "shapes > Shape", "shapes > Shape")


def test_pages_are_those_where_pieces_begin():
    blocks = [Block("paragraph", sentences(0, 4), page=1), Block("paragraph", sentences(4, 8), page=2)]
    assert [piece.page for piece in chunk(Document("", blocks), words, 20)] == [1, 2]


def test_too_small_a_size_is_refused():
    with pytest.raises(ValueError, match="pieces of 15 tokens are too small; the smallest have 16"):
        chunk(read(b"a"), words, 15)


@pytest.mark.parametrize(
    "text",
    ["a b " * 250_000, "x" * 1_000_000, "字" * 300_000, "." * 1_000_000, ". " * 500_000, "a.\n" * 300_000, "```\n" + "\n" * 1_000_000 + "x\n```", "# " + "h" * 1_000_000],
    ids=["words", "one word", "chinese", "dots", "ends", "lines", "blank lines", "heading"],
)  # fmt: skip
def test_a_megabyte_is_counted_few_times(text):
    """The tokenizer is the slow part: what is counted tells the time."""
    counted = calls = 0

    def count(part):
        nonlocal counted, calls
        counted, calls = counted + len(part), calls + 1
        return len(part.encode()) // 4 + 1

    assert chunk(read(text.encode()), count, 256, 32)
    assert counted < 4 * len(text)
    assert calls < len(text)
