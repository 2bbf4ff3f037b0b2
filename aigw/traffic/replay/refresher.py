"""Records every call anew, in the place of the recording that a replay would have played."""

from __future__ import annotations

from aigw.traffic.format.call import begun
from aigw.traffic.format.folder import RecordingError
from aigw.traffic.replay.player import FolderPlayer
from aigw.traffic.writing.recorder import CallRecorder, Taking
from aigw.upstream.tape import Outgoing


class Refresher:
    """A `Recorder` of the door. A call that has no recording yet is added."""

    def __init__(self, player: FolderPlayer, recorder: CallRecorder) -> None:
        self._player = player
        self._recorder = recorder

    def begin(self, outgoing: Outgoing) -> Taking | None:
        try:
            found = self._player.match(begun(outgoing, 0.0))
        except RecordingError:
            found = None  # one that is damaged cannot be compared
        used = self._player.report.used
        if found is None or found.entry.name in used:
            return self._recorder.begin(outgoing)
        used.add(found.entry.name)
        return self._recorder.begin(outgoing, found.entry.name)
