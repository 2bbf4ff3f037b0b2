"""How a call finds its recording, as --match says it. Loads nothing."""

from enum import Enum


class MatchBy(Enum):
    CONTENT = "content"
    SEQUENCE = "sequence"
