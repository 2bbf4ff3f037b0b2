"""The facts about a request that the reader and the writer of its answer need."""

from __future__ import annotations

from msgspec import Struct

from aigw.translation.hub import Conversation
from aigw.translation.notes import Notes
from aigw.translation.rules import Rules


class Frame(Struct, frozen=True, kw_only=True):
    """`conversation` is the client's, with its own names and with the model that the provider gets. `id` is the id of
    the exchange, and `created` is in seconds since 1970. `size` is the size of the prompt in bytes."""

    conversation: Conversation
    rules: Rules
    notes: Notes
    id: str
    created: int
    size: int = 0
    array: bool = False
    """Whether the client wants its stream as the elements of a JSON array."""
