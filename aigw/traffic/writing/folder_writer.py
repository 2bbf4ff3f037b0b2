"""Gives calls their places in a folder, and writes their recordings."""

from __future__ import annotations

import re
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass

import msgspec

from aigw.traffic.format.building import Key, LeakError, recording_of
from aigw.traffic.format.call import MAX_ANSWER, Answered, Begun
from aigw.traffic.format.folder import SUFFIX, Folder, Name, RecordingError
from aigw.traffic.format.recording import Session
from aigw.traffic.format.scrubbing import Scrubber, hiding
from aigw.traffic.matching.identity import asked, recorded
from aigw.traffic.matching.sessions import Conversations
from aigw.traffic.volatility.rules import Rules

_WORDS = {"openai/v1/chatcompletions": "chat"}
"""The words for APIs in the names of files, where they are not the last part of the API's name."""


@dataclass(slots=True)
class _Open:
    """A call that has begun."""

    begun: Begun
    name: Name
    session: Session


class FolderWriter:
    """Writes into `folder`, which this process has claimed. `secrets` are the configuration's secrets, `config`
    identifies the configuration."""

    def __init__(self, folder: Folder, run: str, rules: Rules, secrets: Iterable[str], config: str) -> None:
        names = folder.names()
        self.folder = folder
        self.written = 0
        self._run = run
        self._rules = rules
        self._secrets = frozenset(secrets)
        self._config = config
        first = 1 + max((name.session for name in names if name.run == run), default=0)
        self._conversations = Conversations(first, lambda name: Scrubber(self._secrets).text(name))
        self._before = max((name.position for name in names if name.run == run and not name.session), default=0)
        self._open: dict[int, _Open] = {}

    def hide(self, secret: str) -> None:
        """Hides one more secret from now on."""
        self._secrets |= {secret}

    def begun(self, number: int, begun: Begun) -> None:
        """Notes that a call has begun, and gives it its place."""
        conversation = self._conversations.of(begun)
        position = conversation.calls + (0 if conversation.number else self._before)
        name = Name(self._run, conversation.number, position, self._word(begun))
        session = Session(number=conversation.number, position=position, name=conversation.name)
        self._open[number] = _Open(begun, name, session)

    def answered(self, number: int, answered: Answered) -> str:
        """Writes the recording of a call. Returns why it was not written, "" if it was. Raises OSError."""
        call = self._open.pop(number)
        name = call.begun.replaces or str(call.name)
        try:
            self._write(name, call.begun, answered, self._session(call))
        except (LeakError, RecordingError) as error:
            return f"{self.folder.path / name} was not written: {error}"
        self.written += 1
        return ""

    def _session(self, call: _Open) -> Session:
        """Returns the session of a call. If the call replaces a recording that can still be read, it is the session of
        that recording."""
        if call.begun.replaces:
            with suppress(RecordingError):
                return self.folder.read(call.begun.replaces).session
        return call.session

    def _write(self, name: str, begun: Begun, answered: Answered, session: Session) -> None:
        if answered.size > MAX_ANSWER:
            raise RecordingError(f"the answer is larger than {MAX_ANSWER >> 20} MiB")
        rules = self._rules
        key = Key(asked(begun, rules).key, rules.digest, rules.folder, rules.home)
        stem = name.removesuffix(SUFFIX)
        recording, sides = recording_of(
            begun, answered, session, key, stem=stem, secrets=self._secrets, config=self._config
        )
        if recording.redacted:  # the key must not depend on the secret, which may have changed by then
            recording = msgspec.structs.replace(recording, key=recorded(recording, rules).key)
        self._conversations.answered(begun, recording.answer)
        (self.folder.replace if begun.replaces else self.folder.write)(name, recording, sides)

    def _word(self, begun: Begun) -> str:
        """Returns the word for a call in the name of its file: `chat`, `messages`, `models`."""
        last = begun.api.rpartition("/")[2]
        if not last:
            last = hiding(begun, self._secrets).text(begun.sent.path).rstrip("/").rpartition("/")[2]
        return _WORDS.get(begun.api, re.sub(r"\W+", "_", last).strip("_")[:40] or "call")
