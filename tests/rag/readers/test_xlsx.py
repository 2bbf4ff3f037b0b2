"""XLSX: the values of cells as people see them, with the names of their columns."""

from xml.etree.ElementTree import ParseError

import pytest
from documents import xlsx

from aigw.rag.document import Block
from aigw.rag.readers.xlsx import read

ROWS = """
<row r="1"><c r="A1" t="s"><v>0</v></c><c r="B1" t="inlineStr"><is><t>Since</t></is></c><c r="C1" t="s"><v>1</v></c></row>
<row r="3"><c r="A3" t="str"><f>A1</f><v>Kettle</v></c><c r="B3"><v>45000</v></c><c r="C3" s="1"><v>19.5</v></c></row>
<row r="4"><c r="C4" t="b"><v>1</v></c><c r="D4" t="e"><v>#N/A</v></c></row><row r="5"><c r="A5"/></row>
"""
TEXTS = ["<t>Item</t>", "<r><t>Pri</t></r><r><t>ce</t></r><rPh><t>spoken</t></rPh>"]


def test_rows_have_the_names_of_their_columns_and_hidden_sheets_are_left_out():
    document = read(xlsx({"Prices": ROWS, ".hidden": ROWS, "Empty": ""}, TEXTS, ["0.00"]))
    assert document.blocks == [
        Block("heading", "Prices", level=1, title="Prices"),
        Block("table", "Item: Kettle; Since: 2023-03-15; Price: 19.5\nPrice: TRUE; #N/A", 3, 4),
    ]


@pytest.mark.parametrize(
    ("code", "value", "shown"),
    [
        ("yyyy-mm-dd", "45000.5", "2023-03-15 12:00:00"),
        ("h:mm", "0.25", "06:00:00"),
        ("[hh]:mm", "0.5", "12:00:00"),
        ('[Red]0 "days"', "5", "5"),
        ("[$-409]0.0", "5", "5"),
        ("General", "5", "5"),
        ("dd.mm.yy", "1e300", "1e300"),
        ("dd.mm.yy", "", ""),
    ],
)
def test_dates_are_numbers_with_a_format(code, value, shown):
    row = f'<row><c t="inlineStr"><is><t>x</t></is></c><c s="1"><v>{value}</v></c></row>'
    text = read(xlsx({"a": row}, formats=[code])).blocks[1].text
    assert text == "; ".join(filter(None, ["x", shown]))


def test_old_books_of_another_program_begin_with_1904():
    row = "<row><c><v>0</v></c><c><v>43538</v></c></row>"
    assert read(xlsx({"a": row}, book='<workbookPr date1904="1"/>')).blocks[1].text == "00:00:00; 2023-03-15"


def test_a_column_that_cannot_be_there_takes_no_memory():
    assert len(read(xlsx({"a": '<row><c r="ZZZZZZZ1" t="b"><v>1</v></c></row>'})).blocks) == 2


def test_an_entity_bomb_does_not_explode():
    levels = "".join(f'<!ENTITY {x} "{f"&{y};" * 10}">' for x, y in zip("bcdefghij", "abcdefghi", strict=True))
    with pytest.raises(ParseError, match="amplification factor"):
        read(xlsx({"a": "<row><c><v>&j;</v></c></row>"}, prolog=f'<!DOCTYPE b [<!ENTITY a "ha">{levels}]>'))
