"""Conversations for models that see no images: a word replaces each image, so that an agent that has looked at one can
continue."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from aigw.translation.hub import Media, Message, Part, Result, Text
from aigw.translation.notes import Notes

UNSEEN = Text("[an image, which this model cannot see]")


def without_images(messages: Iterable[Message], notes: Notes) -> tuple[Message, ...]:
    """Returns the messages, with a note if there was an image."""
    return tuple(Message(message.role, tuple(_part(part, notes) for part in message.parts)) for message in messages)


def _part(part: Part, notes: Notes) -> Part:
    if isinstance(part, Result):
        return msgspec.structs.replace(part, parts=tuple(_seen(each, notes) for each in part.parts))
    return _seen(part, notes) if isinstance(part, Text | Media) else part


def _seen(part: Text | Media, notes: Notes) -> Text | Media:
    if isinstance(part, Text) or part.kind != "image":
        return part
    notes.lose("images")
    return UNSEEN
