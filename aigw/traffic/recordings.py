"""The recordings of a running gateway: it writes and plays them, and reports what became of calls."""

from __future__ import annotations

import logging
import secrets as random_source
import time
from collections.abc import Iterable
from pathlib import Path

from aigw.core.env import Clock
from aigw.core.upstream import Upstream
from aigw.traffic.format.folder import Folder
from aigw.traffic.replay.faults import Faults, FaultyPlayer
from aigw.traffic.replay.player import FolderPlayer
from aigw.traffic.replay.refresher import Refresher
from aigw.traffic.replay.report import Report
from aigw.traffic.replay.used import note
from aigw.traffic.settings import RecordSettings
from aigw.traffic.volatility.rules import Rules
from aigw.traffic.writing.process import WritingProcess
from aigw.traffic.writing.recorder import CallRecorder
from aigw.traffic.writing.writer import WriterSettings
from aigw.upstream.tape import Tape

log = logging.getLogger("aigw")


def new_run() -> str:
    """Returns a prefix for the files of a gateway that records beside another one."""
    return f"r{random_source.token_hex(2)}"


class Recordings:
    """Opens a folder of recordings as `settings` say, whose mode is not "off". `secrets` are those of the
    configuration, and `config` identifies it. `faults` strike answers that are played. `close` waits for the disk.
    Raises RecordingError."""

    def __init__(
        self,
        settings: RecordSettings,
        path: Path,
        *,
        secrets: Iterable[str] = (),
        config: str = "",
        clock: Clock = time,
        here: Path | None = None,
        run: str = "",
        faults: Faults | None = None,
    ) -> None:
        self._secrets = frozenset(secrets)
        current, home = str(here or Path.cwd()), str(Path.home())
        rules = Rules.of(settings.volatile, folder=current, home=home)
        folder = Folder(path)
        mode = settings.mode
        self.settings = settings
        self.path = path
        self._clock = clock
        self._began = clock.time()
        self._folder = folder
        self._faults = faults
        self._player: FolderPlayer | None = None
        self._recorder: CallRecorder | None = None
        if mode != "replay":
            beside = folder.claim(run or new_run())
        self._earlier = len(folder.files()) if mode == "record" else 0
        if mode != "record":
            self._player = FolderPlayer(folder, settings, rules, self._secrets)
        if mode != "replay":
            place, hidden, on_error = str(path.absolute()), sorted(self._secrets), settings.on_error
            orders = WriterSettings(place, beside, settings.volatile, current, home, hidden, config, on_error)
            self._recorder = CallRecorder(WritingProcess(orders, folder.lock), clock, on_error=on_error)

    def around(self, upstream: Upstream) -> Tape:
        """Returns the transport that records and plays."""
        player, recorder = self._player, self._recorder
        if self.settings.mode == "refresh" and player is not None and recorder is not None:
            return Tape(upstream, None, Refresher(player, recorder), self._clock)
        if self._faults is not None and player is not None:
            faulty = FaultyPlayer(player, self._faults, player.key)
            return Tape(upstream, faulty, recorder, self._clock, speed=self.settings.speed)
        return Tape(upstream, player, recorder, self._clock, speed=self.settings.speed)

    def hide(self, secrets: Iterable[str]) -> None:
        """Hides the secrets of a configuration that comes into force."""
        new = frozenset(secrets) - self._secrets
        self._secrets |= new
        if self._player is not None:
            self._player.hide(new)
        if self._recorder is not None:
            self._recorder.sink.hide(new)

    @property
    def report(self) -> Report:
        """Returns what became of the calls so far."""
        report = self._player.report if self._player is not None else Report()
        report.unused = self._player.unused() if self._player is not None else []
        if self._recorder is not None:
            sink = self._recorder.sink
            report.written, report.refused, report.failure = sink.written, sink.refused, sink.failure
            report.earlier = self._earlier
        return report

    @property
    def services(self) -> set[str]:
        """The types of providers, and the hosts, whose answers it plays."""
        return self._player.services if self._player is not None else set()

    def close(self) -> None:
        """Writes the remaining calls, and which recordings were used. Waits for the disk."""
        if self._player is not None and (names := self._player.report.used):
            try:
                note(self.path, names, self._began)
            except OSError as error:
                log.info("%s: which recordings were used is not noted: %s", self.path, error.strerror or error)
        if self._recorder is not None:
            self._recorder.sink.close()
        self._folder.release()
