"""PPTX: slides in their order, and what is on them."""

from documents import pptx, shape

from aigw.rag.document import Block
from aigw.rag.readers.pptx import read

TABLE = "<a:tbl><a:tr><a:tc><a:txBody><a:p><a:r><a:t>a</a:t></a:r></a:p></a:txBody></a:tc><a:tc/></a:tr></a:tbl>"


def test_slides_come_in_their_order_with_titles_tables_and_notes():
    first = (
        shape("Use <vinegar>.", "Or wait.") + shape("Limescale", "goes", kind="ctrTitle") + shape("7", kind="sldNum")
    )
    notes = shape("2", kind="sldNum") + shape("Say it slowly.", kind="body")
    document = read(pptx([first, TABLE + shape("")], notes))
    assert document.title == "Limescale goes"
    assert document.blocks == [
        Block("heading", "Limescale goes", page=1, level=1, title="Limescale goes"),
        Block("paragraph", "Use <vinegar>.\nOr wait.", page=1),
        Block("paragraph", "Say it slowly.", page=1),
        Block("table", "| a |  |", page=2),
    ]


def test_what_is_there_in_two_forms_is_read_once():
    text = shape("new")
    assert len(read(pptx([f"<Choice>{text}</Choice><Fallback>{text}</Fallback>"])).blocks) == 1


def test_a_presentation_without_slides_has_no_blocks():
    assert read(pptx([])).blocks == []
