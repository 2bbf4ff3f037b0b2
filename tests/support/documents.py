"""Makes documents of formats that are no text, as small as they can be."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping, Sequence
from xml.sax.saxutils import escape

W = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
RELATIONS = "http://schemas.openxmlformats.org/package/2006/relationships"


def pdf(
    pages: Sequence[Sequence[str | tuple[int, str]]], outline: Sequence[tuple[str, int]] = (), title: str = ""
) -> bytes:
    """Each page has lines of text, which may come with the size of their font. The outline has titles and pages, which count from 0."""
    objects = [
        "<< /Type /Catalog /Pages 2 0 R /Outlines 4 0 R >>",
        "",
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
        "",
    ]
    kids = []
    for lines in pages:
        sized = (line if isinstance(line, tuple) else (10, line) for line in lines)
        shown = "".join(f"/F1 {size} Tf ({_escaped(line)}) Tj T* " for size, line in sized)
        stream = f"BT 24 TL 50 780 Td {shown}ET"
        objects.append(f"<< /Length {len(stream)} >>\nstream\n{stream}\nendstream")
        objects.append(
            f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents {len(objects)} 0 R /Resources << /Font << /F1 3 0 R >> >> >>"
        )
        kids.append(f"{len(objects)} 0 R")
    objects[1] = f"<< /Type /Pages /Count {len(kids)} /Kids [{' '.join(kids)}] >>"
    first = len(objects) + 1
    for number, (text, page) in enumerate(outline, first):
        near = f"/Prev {number - 1} 0 R " if number > first else ""
        near += f"/Next {number + 1} 0 R" if number - first + 1 < len(outline) else ""
        objects.append(f"<< /Title ({_escaped(text)}) /Parent 4 0 R /Dest [{kids[page]} /XYZ 0 800 0] {near} >>")
    objects[3] = (
        f"<< /Type /Outlines /First {first} 0 R /Last {len(objects)} 0 R /Count {len(outline)} >>"
        if outline
        else "<< >>"
    )
    objects.append(f"<< /Title ({_escaped(title)}) >>")
    return _written(objects)


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("(", "\\(").replace(")", "\\)")


def _written(objects: Sequence[str]) -> bytes:
    out = bytearray(b"%PDF-1.4\n")
    places = []
    for number, content in enumerate(objects, 1):
        places.append(len(out))
        out += f"{number} 0 obj\n{content}\nendobj\n".encode("latin-1")
    table = "".join(f"{place:010} 00000 n \n" for place in places)
    trailer = f"<< /Size {len(objects) + 1} /Root 1 0 R /Info {len(objects)} 0 R >>"
    return (
        bytes(out)
        + f"xref\n0 {len(objects) + 1}\n0000000000 65535 f \n{table}trailer\n{trailer}\nstartxref\n{len(out)}\n%%EOF".encode()
    )


def docx(body: str, prolog: str = "", more: Mapping[str, bytes] | None = None) -> bytes:
    """`body` is WordprocessingML; `paragraph` and `table` make some."""
    kinds = "http://schemas.openxmlformats.org/package/2006/content-types"
    office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    main = "application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"
    styles = "".join(
        f'<w:style w:type="paragraph" w:styleId="{name.replace(" ", "")}"><w:name w:val="{name}"/></w:style>'
        for name in ("Title", "heading 1", "heading 2", "Source Code")
    )
    files = {
        "[Content_Types].xml": f'<Types xmlns="{kinds}"><Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/><Default Extension="xml" ContentType="application/xml"/><Override PartName="/word/document.xml" ContentType="{main}"/></Types>',
        "_rels/.rels": f'<Relationships xmlns="{RELATIONS}"><Relationship Id="r1" Type="{office}/officeDocument" Target="word/document.xml"/></Relationships>',
        "word/_rels/document.xml.rels": f'<Relationships xmlns="{RELATIONS}"><Relationship Id="r1" Type="{office}/styles" Target="styles.xml"/></Relationships>',
        "word/styles.xml": f"<w:styles {W}>{styles}</w:styles>",
        "word/document.xml": f"{prolog}<w:document {W}><w:body>{body}</w:body></w:document>",
    }
    return zipped({name: text.encode() for name, text in files.items()} | dict(more or {}))


def _related(*targets: str) -> bytes:
    """The relations r1, r2, ... of a part."""
    each = "".join(f'<Relationship Id="r{n}" Type="t" Target="{target}"/>' for n, target in enumerate(targets, 1))
    return f'<Relationships xmlns="{RELATIONS}">{each}</Relationships>'.encode()


OFFICE = 'xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"'
P = f'xmlns:p="http://schemas.openxmlformats.org/presentationml/2006/main" xmlns:a="urn:a" {OFFICE}'


def pptx(slides: Sequence[str], notes: str = "", more: Mapping[str, bytes] | None = None) -> bytes:
    """`slides` are shapes, which `shape` makes; `notes` are those of the first slide. The slides are kept in the
    reverse order."""
    count = len(slides)
    ids = "".join(f'<p:sldId id="{number}" r:id="r{number}"/>' for number in range(1, count + 1))
    files = {
        "ppt/presentation.xml": f"<p:presentation {P}><p:sldIdLst>{ids}</p:sldIdLst></p:presentation>".encode(),
        "ppt/_rels/presentation.xml.rels": _related(*(f"slides/slide{count - n}.xml" for n in range(count))),
    }
    for number, shapes in enumerate(slides):
        files[f"ppt/slides/slide{count - number}.xml"] = f"<p:sld {P}>{shapes}</p:sld>".encode()
    if notes:
        files[f"ppt/slides/_rels/slide{count}.xml.rels"] = _related("../notesSlides/notes.xml")
        files["ppt/notesSlides/notes.xml"] = f"<p:notes {P}>{notes}</p:notes>".encode()
    return zipped(files | dict(more or {}))


def shape(*paragraphs: str, kind: str = "") -> str:
    place = f'<p:nvPr><p:ph type="{kind}"/></p:nvPr>' if kind else ""
    lines = "".join(f"<a:p><a:r><a:t>{escape(text)}</a:t></a:r></a:p>" for text in paragraphs)
    return f"<p:sp>{place}<p:txBody>{lines}</p:txBody></p:sp>"


def xlsx(
    sheets: Mapping[str, str],
    texts: Sequence[str] = (),
    formats: Sequence[str] = (),
    *,
    book: str = "",
    prolog: str = "",
) -> bytes:
    """`sheets` have rows of SpreadsheetML, and are hidden if their names begin with a point. `texts` are what cells of
    the type `s` refer to, `formats` those of the styles from 1 on."""
    main = f'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main" {OFFICE}'
    listed = "".join(
        f'<sheet name="{name}" r:id="r{number}" state="{"hidden" if name.startswith(".") else "visible"}"/>'
        for number, name in enumerate(sheets, 1)
    )
    own = "".join(
        f"<numFmt numFmtId='{200 + number}' formatCode='{escape(code)}'/>" for number, code in enumerate(formats)
    )
    styles = "".join(f"<xf numFmtId='{200 + number}'/>" for number in range(len(formats)))
    files = {
        "xl/workbook.xml": f"<workbook {main}>{book}<sheets>{listed}</sheets></workbook>",
        "xl/sharedStrings.xml": f"<sst {main}>{''.join(f'<si>{text}</si>' for text in texts)}</sst>",
        "xl/styles.xml": f"<x {main}><numFmts>{own}</numFmts><cellXfs><xf numFmtId='14'/>{styles}</cellXfs></x>",
    }
    for number, rows in enumerate(sheets.values(), 1):
        files[f"xl/worksheets/sheet{number}.xml"] = (
            f"{prolog}<worksheet {main}><sheetData>{rows}</sheetData></worksheet>"
        )
    related = _related(*(f"/xl/worksheets/sheet{number}.xml" for number in range(1, len(sheets) + 1)))
    return zipped({name: text.encode() for name, text in files.items()} | {"xl/_rels/workbook.xml.rels": related})


def epub(chapters: Mapping[str, str], more: Mapping[str, bytes] | None = None) -> bytes:
    """`chapters` are bodies of HTML by the names of their files. They are kept in the reverse order."""
    items = "".join(
        f'<item id="{number}" href="{name}" media-type="application/xhtml+xml"/>'
        for number, name in enumerate(chapters)
    )
    order = "".join(f'<itemref idref="{number}"/>' for number in range(len(chapters)))
    container = '<container xmlns="c"><rootfiles><rootfile full-path="OPS/book.opf"/></rootfiles></container>'
    package = (
        '<package xmlns="o" xmlns:dc="http://purl.org/dc/elements/1.1/"><metadata><dc:title>The Book</dc:title></metadata>'
        f'<manifest>{items}<item id="nav" href="nav.xhtml" properties="nav" media-type="application/xhtml+xml"/></manifest>'
        f'<spine><itemref idref="nav"/>{order}</spine></package>'
    )
    files = {"mimetype": b"application/epub+zip", "META-INF/container.xml": container.encode()}
    files["OPS/book.opf"] = package.encode()
    for name, body in reversed(chapters.items()):
        files[f"OPS/{name.replace('%20', ' ')}"] = f"<!DOCTYPE html><html><body>{body}</body></html>".encode()
    return zipped(files | dict(more or {}))


def zipped(files: Mapping[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data, zipfile.ZIP_STORED if name == "mimetype" else None)
    return out.getvalue()


def paragraph(text: str, style: str = "") -> str:
    looks = f'<w:pPr><w:pStyle w:val="{style}"/></w:pPr>' if style else ""
    return f'<w:p>{looks}<w:r><w:t xml:space="preserve">{escape(text)}</w:t></w:r></w:p>'


def table(rows: Sequence[Sequence[str]]) -> str:
    cells = ("".join(f"<w:tc>{paragraph(cell)}</w:tc>" for cell in row) for row in rows)
    return "<w:tbl>" + "".join(f"<w:tr>{row}</w:tr>" for row in cells) + "</w:tbl>"
