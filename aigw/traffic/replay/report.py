"""Reports what became of the calls of a run for which recordings were searched."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct, field

from aigw.traffic.matching.miss import Difference


class Missed(Struct, frozen=True):
    """A call without a recording. `text` says which one is nearest and what differs; it may have several lines.
    `exchange` is the id of the request of a client that caused it, "" if there was none. `nearest` is the name of the
    recording that is most like it, "" if none is, and `differences` are the first ones."""

    request: str
    text: str
    exchange: str = ""
    nearest: str = ""
    differences: Sequence[Difference] = ()


class Report(Struct):
    """What became of calls. `hits` are calls that were answered from recordings; of these, `repeats` came more often
    than they were recorded, and `diverged` differ from the recorded request. `used` are the names of the recordings.
    `written` counts new recordings, and `refused` calls that were not recorded, because a secret is left in them or
    they are too large. `earlier` counts what was in a folder before all calls were recorded into it. `failure` says why
    recording stopped, "" if it did not."""

    hits: int = 0
    repeats: int = 0
    missed: list[Missed] = field(default_factory=list)
    diverged: list[Missed] = field(default_factory=list)
    used: set[str] = field(default_factory=set)
    unused: list[str] = field(default_factory=list)
    written: int = 0
    refused: int = 0
    earlier: int = 0
    failure: str = ""
