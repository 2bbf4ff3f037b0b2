"""Documents that are zip files of XML: DOCX, PPTX, XLSX and EPUB.

Rule: a zip is opened only if what it unpacks to is bounded. Nothing outside it is ever read, and expat bounds what
entities grow to."""

from __future__ import annotations

import io
import posixpath
import zipfile
from collections.abc import Iterator
from typing import IO, TYPE_CHECKING
from urllib.parse import unquote

from aigw.rag.document import UnreadableError

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

MOST_UNPACKED = 256 * 1024 * 1024
MOST_MEMBERS = 10_000


class Archive:
    """A zip file. `document` is what it should be, for errors. Raises UnreadableError if it is none, or one that would
    fill the memory."""

    def __init__(self, data: bytes, document: str) -> None:
        try:
            self._zip = zipfile.ZipFile(io.BytesIO(data))
        except (zipfile.BadZipFile, ValueError, OSError) as error:
            raise UnreadableError(f"it is no valid zip file: {error}") from None
        self._document = document
        members = self._zip.infolist()
        size = sum(member.file_size for member in members)
        if size > MOST_UNPACKED or len(members) > MOST_MEMBERS:
            raise UnreadableError(
                f"it unpacks to {size >> 20} MiB in {len(members)} members; at most "
                f"{MOST_UNPACKED >> 20} MiB and {MOST_MEMBERS} members are read"
            )

    def __contains__(self, name: str) -> bool:
        return name in self._zip.NameToInfo

    def open(self, name: str) -> IO[bytes]:
        """Raises UnreadableError if there is no such part."""
        if name not in self:
            raise UnreadableError(f"it is no {self._document}: it has no {name[:200]}")
        return self._zip.open(name)

    def read(self, name: str) -> bytes:
        with self.open(name) as part:
            return part.read()

    def xml(self, name: str) -> Element:
        """Returns the root of a part. Raises ParseError, a SyntaxError."""
        from xml.etree.ElementTree import parse

        with self.open(name) as part:
            return parse(part).getroot()  # noqa: S314  see the rule

    def relations(self, name: str) -> dict[str, str]:
        """Returns the names of the parts to which a part of an office document refers, by the ids that it uses."""
        folder, _, last = name.rpartition("/")
        beside = f"{folder}/_rels/{last}.rels"
        found = self.xml(beside) if beside in self else ()
        return {each.get("Id", ""): joined(name, each.get("Target", "")) for each in found}


def joined(name: str, target: str) -> str:
    """Returns the name of the part that is at `target`, as the part `name` says it."""
    path = unquote(target.partition("#")[0])
    return posixpath.normpath(posixpath.join("/", posixpath.dirname(name), path)).lstrip("/")


def local(element: Element) -> str:
    """Returns the name of an element without its namespace."""
    return element.tag.rpartition("}")[2] if isinstance(element.tag, str) else ""


def all_of(element: Element, *names: str) -> Iterator[Element]:
    """Returns the elements of these names in an element, in their order, however deep they are."""
    return (each for each in element.iter() if local(each) in names)


def relation(element: Element, name: str = "id") -> str:
    """Returns an attribute that is an id of `relations`."""
    return next((value for key, value in element.items() if key.startswith("{") and key.endswith(f"}}{name}")), "")
