"""Screens documents before they are cut into passages: by the same rules as what clients and models say.

Rule: findings are only reported, unless the configuration wants masks. Then the document is kept with masks, or not at
all if a rule blocks it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from hashlib import blake2b
from typing import NamedTuple

import msgspec

from aigw.guard.screen import Screen
from aigw.guard.settings import GuardSettings
from aigw.rag.document import Block, Document


class ScreenedDocument(NamedTuple):
    """A document after the screen. `found` counts findings by rule. `blocked` is the first rule that blocks, "" if none
    does."""

    document: Document
    found: Mapping[str, int]
    blocked: str = ""


class DocumentScreen:
    """The screen for documents. `changes` identifies what it does to them: it differs whenever a document may come out
    different, and is "" if documents stay as they are."""

    def __init__(self, settings: GuardSettings) -> None:
        self._screen = Screen(settings)
        self.masks = settings.ingest == "mask"
        self.changes = _digest(settings) if self.masks else ""

    def screen(self, document: Document) -> ScreenedDocument:
        found: Counter[str] = Counter()
        blocking: list[str] = []
        title = self._text(document.title, found, blocking)
        blocks = [self._block(block, found, blocking) for block in document.blocks]
        made = Document(title, blocks) if self.masks else document
        return ScreenedDocument(made, dict(found), blocking[0] if blocking and self.masks else "")

    def _block(self, block: Block, found: Counter[str], blocking: list[str]) -> Block:
        """The title of a heading stands in its text, where it is counted."""
        title = self._text(block.title, Counter() if block.text else found, blocking)
        return block._replace(text=self._text(block.text, found, blocking), title=title)

    def _text(self, text: str, found: Counter[str], blocking: list[str]) -> str:
        screened = self._screen.screen(text)
        found.update(each.rule for each in screened.findings)
        blocking += [each.rule for each in screened.findings if each.action == "block"]
        return screened.masked


def document_screen(settings: GuardSettings) -> DocumentScreen | None:
    return None if settings.ingest == "off" else DocumentScreen(settings)


def _digest(settings: GuardSettings) -> str:
    """Changes with the rules and what is done about findings."""
    told = msgspec.json.encode((settings.off, settings.strict, sorted(settings.actions.items()), settings.rules))
    return blake2b(told, digest_size=8).hexdigest()
