"""Conversations for models that see no images, or none that the assistant has shown: a word replaces each image, so
that an agent that has looked at one can continue."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from aigw.core.pace import resting
from aigw.translation.hub import Media, Message, Part, Result, Text
from aigw.translation.notes import Notes

UNSEEN = Text("[an image, which this model cannot see]")


def without_images(messages: Iterable[Message], notes: Notes) -> tuple[Message, ...]:
    """Returns the messages, with a note if there was an image."""
    return tuple(Message(message.role, tuple(_part(part, notes) for part in message.parts)) for message in messages)


def shown_by_user(messages: Sequence[Message]) -> tuple[Message, ...]:
    """Returns the messages with what the assistant has shown at the beginning of the user's message behind it, for
    formats in which only users show something."""
    out: list[Message] = []
    shown: list[Media] = []
    for message in resting(messages):
        if shown and message.role != "user":
            out.append(Message("user", tuple(shown)))
            shown = []
        if message.role == "assistant":
            shown = [part for part in message.parts if isinstance(part, Media)]
            said = tuple(Text(f"[{part.kind}]") if isinstance(part, Media) else part for part in message.parts)
            out.append(Message("assistant", said) if shown else message)
        else:
            out.append(Message(message.role, (*shown, *message.parts)) if shown else message)
            shown = []
    return (*out, Message("user", tuple(shown))) if shown else tuple(out)


def _part(part: Part, notes: Notes) -> Part:
    if isinstance(part, Result):
        return msgspec.structs.replace(part, parts=tuple(_seen(each, notes) for each in part.parts))
    return _seen(part, notes) if isinstance(part, Text | Media) else part


def _seen(part: Text | Media, notes: Notes) -> Text | Media:
    if isinstance(part, Text) or part.kind != "image":
        return part
    notes.lose("images")
    return UNSEEN
