"""DOCX: mammoth makes HTML of it, which keeps headings, lists and tables in order; the reader of HTML does the rest.
(Its Markdown has no tables.)

Rule: pictures, and the style map that a file may bring, are left alone."""

from __future__ import annotations

import io

from aigw.rag.document import Document
from aigw.rag.readers import html
from aigw.rag.readers.archive import Archive

_STYLES = """
p[style-name='Title'] => h1:fresh
p[style-name='HTML Preformatted'] => pre:separator('\\n')
p[style-name='Source Code'] => pre:separator('\\n')
p[style-name='Code'] => pre:separator('\\n')
"""


def read(data: bytes, charset: str = "") -> Document:
    import mammoth

    Archive(data, "DOCX")
    result = mammoth.convert_to_html(
        io.BytesIO(data), style_map=_STYLES, include_embedded_style_map=False, convert_image=lambda image: []
    )
    return html.read_text(result.value)
