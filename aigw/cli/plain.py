"""Text of clients, providers and servers on a terminal.

Rule: none of it may move the cursor or break a line. What a terminal would obey, or not show, becomes a `�`."""

from __future__ import annotations


def plain(text: str) -> str:
    return "".join(character if character.isprintable() else "�" for character in text)
