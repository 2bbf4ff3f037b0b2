"""DOCX: everything in order, and nothing that would fill the memory."""

import zipfile
from xml.parsers.expat import ExpatError

import pytest
from documents import docx, paragraph, table, zipped

from aigw.rag.document import Block, UnreadableError
from aigw.rag.readers.docx import read

BOMB = (
    '<!DOCTYPE b [<!ENTITY a "ha">'
    + "".join(f'<!ENTITY {x} "{f"&{y};" * 10}">' for x, y in zip("bcdefghij", "abcdefghi", strict=True))
    + "]>"
)


def test_headings_tables_and_text_come_in_their_order():
    body = paragraph("The title", "Title") + paragraph("Install", "heading1") + paragraph("First <&> 网关.")
    body += (
        table([["a", "b"], ["1", "2"]])
        + paragraph("More", "heading2")
        + paragraph("x = 1", "SourceCode")
        + paragraph("y = 2", "SourceCode")
    )
    document = read(docx(body))
    assert document.blocks == [
        Block("heading", "The title", level=1, title="The title"),
        Block("heading", "Install", level=1, title="Install"),
        Block("paragraph", "First <&> 网关."),
        Block("table", "| a | b |\n| 1 | 2 |"),
        Block("heading", "More", level=2, title="More"),
        Block("code", "x = 1\ny = 2"),
    ]


def test_an_entity_bomb_does_not_explode():
    with pytest.raises(ExpatError, match="amplification factor"):
        read(docx("<w:p><w:r><w:t>&j;</w:t></w:r></w:p>", BOMB))


def test_a_zip_bomb_is_not_unpacked():
    with pytest.raises(
        UnreadableError, match="it unpacks to 300 MiB in 6 members; at most 256 MiB and 10000 members are read"
    ):
        read(docx(paragraph("x"), more={"word/media/a": bytes(300 << 20)}))


def test_a_zip_of_too_many_members_is_not_unpacked():
    with pytest.raises(UnreadableError, match="in 10001 members"):
        read(zipped({str(number): b"" for number in range(10_001)}))


def test_a_size_that_is_not_true_does_not_help():
    data = bytearray(docx(paragraph("x"), more={"word/styles.xml": bytes(50 << 20)}))
    size = (50 << 20).to_bytes(4, "little")
    while (place := data.find(size)) >= 0:
        data[place : place + 4] = (100).to_bytes(4, "little")
    with pytest.raises(zipfile.BadZipFile):
        read(bytes(data))


@pytest.mark.parametrize("data", [b"PK\x03\x04 no zip", docx(paragraph("x"))[:-30], b""])
def test_what_is_no_zip_is_said(data):
    with pytest.raises(UnreadableError, match="it is no valid zip file"):
        read(data)
