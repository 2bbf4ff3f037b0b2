"""Recorded answers, as they are played. Those that were played are kept in memory."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import NamedTuple

from multidict import CIMultiDict

from aigw.core.errors import UpstreamError, UpstreamFault
from aigw.traffic.format.contents import pieces_of
from aigw.traffic.format.folder import Folder
from aigw.traffic.format.recording import Folded, Recording
from aigw.upstream.tape import Played

KEPT_BYTES = 32 * 1024 * 1024


class Answer(NamedTuple):
    """A recorded answer, and its content."""

    played: Played
    said: Folded

    @property
    def size(self) -> int:
        return sum(len(data) for _, data in self.played.pieces) + 1000


class Answers:
    """The answers of the recordings of a folder, by name. The ones that were used last are kept in memory, up to a
    number of bytes. `read` sees each recording that is read, with its name."""

    def __init__(
        self, folder: Folder, most: int = KEPT_BYTES, read: Callable[[str, Recording], None] = lambda name, it: None
    ) -> None:
        self._folder = folder
        self._most = most
        self._read = read
        self._kept: OrderedDict[str, Answer] = OrderedDict()
        self._bytes = 0

    def kept(self, name: str) -> Answer | None:
        """Returns an answer if it is in memory."""
        answer = self._kept.get(name)
        if answer is not None:
            self._kept.move_to_end(name)
        return answer

    def read(self, name: str) -> Answer:
        """Returns an answer. Raises RecordingError."""
        if (kept := self.kept(name)) is not None:
            return kept
        recording = self._folder.read(name)
        self._read(name, recording)
        answer = self._kept[name] = Answer(played_of(recording, self._folder, name), recording.answer)
        self._bytes += answer.size
        while self._bytes > self._most and len(self._kept) > 1:
            self._bytes -= self._kept.popitem(last=False)[1].size
        return answer


def played_of(recording: Recording, folder: Folder, name: str) -> Played:
    """Returns the answer of a recording. Raises RecordingError if it is damaged."""
    head, end = recording.head, recording.end
    error = None
    if end.ended != "complete":
        fault = UpstreamFault.__members__.get(end.fault, UpstreamFault.RESET)
        how = f"the client left here when {name} was recorded" if end.ended == "left" else "the answer broke off"
        error = UpstreamError(fault, end.message or f"{how}; record it again")
    return Played(head.status, CIMultiDict(head.headers), pieces_of(recording, folder, name), end.after, error)
