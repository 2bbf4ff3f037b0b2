"""DOCX: mammoth makes HTML of it, which keeps headings, lists and tables in order; the reader of HTML does the rest.
(Its Markdown has no tables.)

Rule: a zip is opened only if what it unpacks to is bounded. Pictures, and the style map that a file may bring, are left
alone."""

from __future__ import annotations

import io
import zipfile

from aigw.rag.document import Document, UnreadableError
from aigw.rag.readers import html

MOST_UNPACKED = 256 * 1024 * 1024
MOST_MEMBERS = 10_000
_STYLES = """
p[style-name='Title'] => h1:fresh
p[style-name='HTML Preformatted'] => pre:separator('\\n')
p[style-name='Source Code'] => pre:separator('\\n')
p[style-name='Code'] => pre:separator('\\n')
"""


def read(data: bytes, charset: str = "") -> Document:
    import mammoth

    check_zip(data)
    result = mammoth.convert_to_html(
        io.BytesIO(data), style_map=_STYLES, include_embedded_style_map=False, convert_image=lambda image: []
    )
    return html.read_text(result.value)


def check_zip(data: bytes) -> None:
    """Raises UnreadableError if this is no zip, or one that would fill the memory."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = archive.infolist()
    except (zipfile.BadZipFile, ValueError, OSError) as error:
        raise UnreadableError(f"it is no valid zip file: {error}") from None
    size = sum(member.file_size for member in members)
    if size > MOST_UNPACKED or len(members) > MOST_MEMBERS:
        raise UnreadableError(
            f"it unpacks to {size >> 20} MiB in {len(members)} members; at most "
            f"{MOST_UNPACKED >> 20} MiB and {MOST_MEMBERS} members are read"
        )
