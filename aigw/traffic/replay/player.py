"""Answers calls from the recordings of a folder.

Rule: a request that has no recording is never answered with that of another one. It is a miss: an error that is final
for clients and says what differs from the nearest recording."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Hashable, Iterable, Sequence
from typing import Any

import msgspec

from aigw.core.errors import GatewayError
from aigw.traffic.format.call import Begun, begun, credentials, service
from aigw.traffic.format.folder import Entry, Folder, RecordingError
from aigw.traffic.format.recording import Recording
from aigw.traffic.format.scrubbing import Scrubber, hiding
from aigw.traffic.matching.canonical import Canonical
from aigw.traffic.matching.identity import asked, recorded
from aigw.traffic.matching.index import Index, MatchedRecording
from aigw.traffic.matching.miss import Nearest, differences, divergence, explained, nearest
from aigw.traffic.matching.sessions import Conversations
from aigw.traffic.replay.answers import Answers
from aigw.traffic.replay.report import Missed, Report
from aigw.traffic.settings import RecordSettings
from aigw.traffic.volatility.rules import Rules
from aigw.upstream.tape import Outgoing, Played

log = logging.getLogger("aigw")

_FINAL = {"x-should-retry": "false"}
"""The headers of an error after which SDKs do not try again."""
KNOWN = 256
"""How many requests are remembered by their bytes, because clients send most of them again and again."""
MOST_KEPT = 20
"""How many differences of a miss are kept."""
MOST_COMPARED = 2000
"""How many recordings are compared with a request that has no recording."""

NO_RECORDING = "no_recording"
"""The code of the error for a call that no recording answers."""
REMARK = "replayed"
"""The remark on a request with the name of the recording that answered it."""


class FolderPlayer:
    """A `Player` of the door. With `goes_on`, a request without a recording goes upstream."""

    def __init__(self, folder: Folder, settings: RecordSettings, rules: Rules, secrets: Iterable[str]) -> None:
        self._folder = folder
        self._settings = settings
        self._rules = rules
        self._secrets = tuple(secrets)
        self.goes_on = settings.mode == "auto"
        self._entries = [self._keyed(entry) for entry in folder.entries()]
        self._index = Index(_to_play(self._entries, settings))
        self._stateless = settings.match == "content" and not settings.strict and not self._index.ambiguous
        """Whether it does not matter which conversation asks, and how often."""
        self._redacted = any(entry.redacted for entry in self._entries)
        self._conversations = Conversations(shown=lambda name: Scrubber(self._secrets).text(name))
        self._at_once = self._stateless and not self._redacted
        """Whether equal bytes always find the same recording, whoever sends them."""
        self._known: dict[Hashable, Canonical] = {}
        self._again: dict[Hashable, str] = {}
        """The names of the recordings that were played, by the bytes of the requests."""
        self._answers = Answers(folder, read=self._check)
        self._edited: set[str] = set()
        self.report = Report()

    def hide(self, secrets: Iterable[str]) -> None:
        """Hides more secrets from now on, and finds requests without them."""
        self._secrets = tuple({*self._secrets, *secrets})
        self._known.clear()

    async def find(self, outgoing: Outgoing) -> Played | None:
        sent = _bytes_of(outgoing) if self._at_once else None
        if sent is not None and (name := self._again.get(sent)) and (answer := self._answers.kept(name)) is not None:
            self._note(outgoing, name, again=True)
            return answer.played
        call = begun(outgoing, 0.0)
        try:
            found = self.match(call)
            answer = self._answers.read(found.entry.name) if found is not None else None
        except RecordingError as error:
            self.report.missed.append(Missed(_named(call), str(error)))
            raise GatewayError(500, str(error), kind="server_error", code="bad_recording", headers=_FINAL) from None
        if found is None or answer is None:
            if self.goes_on:
                return None
            raise await self._missed(call)
        if sent is not None:
            _remember(self._again, sent, found.entry.name)
        self._note(outgoing, found.entry.name, again=found.again)
        if not self._stateless:
            self._conversations.answered(call, answer.said)
        return answer.played

    def match(self, call: Begun) -> MatchedRecording | None:
        """Returns the recording of a call, None if it has none."""
        identity = self._identity(call)
        if self._stateless:
            only = self._index.only(identity.key)
            return None if only is None else MatchedRecording(only, again=only.name in self.report.used)
        conversation = self._conversations.of(call)
        if self._settings.match == "sequence" and conversation.number:
            found = self._index.by_sequence(identity.key, conversation)
            if found is not None and not self._is_like(call, identity, found.entry):
                return None
        else:
            found = self._index.by_content(identity.key, conversation)
        return None if found is None or (found.again and self._settings.strict) else found

    def key(self, outgoing: Outgoing) -> str:
        """Returns what finds the recording of a call, whether there is one or not."""
        return self._identity(begun(outgoing, 0.0)).key

    def unused(self) -> list[str]:
        """Returns the names of the recordings that were not played."""
        return [name for name in self._index.names if name not in self.report.used]

    @property
    def services(self) -> set[str]:
        """The types of providers, and the hosts, that were called."""
        return {entry.service for entry in self._entries}

    def _identity(self, call: Begun) -> Canonical:
        """Returns what finds the recording of a call. Where secrets were removed from recordings, a request is looked
        for without its secrets, too."""
        sent = call.sent
        path = call.client.path if call.client is not None else ""
        keys = credentials(call.client) if self._redacted and call.client is not None else ()
        bytes_of = (call.service, call.model, call.dialect, path, *keys, *sent)
        if (known := self._known.get(bytes_of)) is not None:
            return known
        found = self._looked_up(call)
        _remember(self._known, bytes_of, found)
        return found

    def _looked_up(self, call: Begun) -> Canonical:
        found = asked(call, self._rules)
        if self._redacted and found.key not in self._index:
            hides = hiding(call, self._secrets)
            client = hides.request(call.client) if call.client is not None else None
            return asked(call._replace(sent=hides.request(call.sent), client=client), self._rules)
        return found

    def _keyed(self, entry: Entry) -> Entry:
        """Returns an entry with its key by the rules that hold now."""
        if entry.key and entry.rules == self._rules.digest:
            return entry
        return msgspec.structs.replace(entry, key=self._recorded(entry).key)

    def _recorded(self, entry: Entry) -> Canonical:
        return recorded(self._folder.read(entry.name), self._rules)

    def _check(self, name: str, recording: Recording) -> None:
        """Warns of a recording that answers the request which it had before somebody edited it."""
        if name not in self._edited and self._is_edited(recording, recorded(recording, self._rules).key):
            self._edited.add(name)
            log.warning(
                '%s: it was edited: it answers another request than it has; take the line "key" out of it',
                self._folder.path / name,
            )

    def _is_edited(self, recording: Recording, key: str) -> bool:
        """Whether its key is not that of its request. Where secrets were removed, it may be another one."""
        is_ours = recording.key and recording.rules == self._rules.digest and not recording.redacted
        return bool(is_ours and recording.key != key)

    def _is_like(self, call: Begun, identity: Canonical, entry: Entry) -> bool:
        """Whether the n-th call of a session may have the n-th answer, or its place when it is recorded again. If it is
        answered though it is not the one that was recorded, that is reported. False: too many are not."""
        if entry.key == identity.key or self._settings.mode == "refresh":
            return True
        most = self._settings.max_divergence
        if most is not None and len(self.report.diverged) >= most:
            return False
        found = differences(self._recorded(entry).value, identity.value, self._secrets)
        text = divergence(entry.name, found)
        self.report.diverged.append(Missed(_named(call), text, call.exchange))
        log.warning("%s", text)
        return True

    def _note(self, outgoing: Outgoing, name: str, *, again: bool) -> None:
        """Notes that a recording is played."""
        self.report.hits += 1
        self.report.repeats += again
        self.report.used.add(name)
        if outgoing.exchange is not None and outgoing.is_answer:
            outgoing.exchange.labels.remarks[REMARK] = name

    async def _missed(self, call: Begun) -> GatewayError:
        text, near = await asyncio.to_thread(self._explanation, call, self._identity(call))
        name, found = (near.name, near.differences[:MOST_KEPT]) if near is not None else ("", ())
        self.report.missed.append(Missed(_named(call), text, call.exchange, name, found))
        first, *details = text.split("\n")
        return GatewayError(404, first, code=NO_RECORDING, headers=_FINAL, details=details)

    def _explanation(self, call: Begun, identity: Canonical) -> tuple[str, Nearest | None]:
        if identity.key in self._index:
            text = f"it was recorded, but is asked for more often than that ({self._folder.path}, strict)"
            return f"{_named(call)}: {text}", None
        if left := [
            entry.name for entry in self._entries if not entry.playable and self._keyed(entry).key == identity.key
        ]:
            text = f"the client left before an answer began when {left[-1]} was recorded, so that nothing can be played"
            return f"{_named(call)}: {text}\nGive the client more time: --auto or --refresh records it again.", None
        alike = [entry for entry in self._entries if entry.api == call.api]
        others = ((entry.name, self._recorded(entry).value) for entry in alike[-MOST_COMPARED:])
        near = nearest(identity.value, others, self._secrets)
        same = self._folder.read(near.name) if near is not None and not near.differences else None
        edited = same is not None and self._is_edited(same, identity.key)
        return explained(_named(call), str(self._folder.path), near, self._allowed(), edited=edited), near

    def _allowed(self) -> str:
        """Says that no more calls may differ, "" if they may or if no call may."""
        most, differ = self._settings.max_divergence, len(self.report.diverged)
        if self._settings.match != "sequence" or most is None or differ < most:
            return ""
        return f"Of a sequence at most {most} call{'s' * (most != 1)} may differ, and {differ} did (max_divergence)."


def _to_play(entries: Sequence[Entry], settings: RecordSettings) -> list[Entry]:
    """Returns the recordings that may answer a request. One whose client left answers only where there is no whole one
    of the request; in auto the request is sent then."""
    playable = [entry for entry in entries if entry.playable]
    if settings.match == "sequence" or settings.mode == "refresh":
        return playable
    whole = {entry.key for entry in playable if not entry.left}
    return [entry for entry in playable if not entry.left or (entry.key not in whole and settings.mode != "auto")]


def _bytes_of(outgoing: Outgoing) -> Hashable:
    """Returns all of a call that may decide which recording it has."""
    request, exchange = outgoing.request, outgoing.exchange
    client = None
    if exchange is not None and outgoing.is_answer:
        client = (exchange.mapped or exchange.named, exchange.original.path)
    headers = tuple(request.headers.items())
    return service(outgoing), client, request.method, request.path, request.query, headers, request.body


def _remember(known: dict[Hashable, Any], sent: Hashable, found: object) -> None:
    """Remembers what was found for a request, and forgets the oldest entry."""
    known[sent] = found
    if len(known) > KNOWN:
        del known[next(iter(known))]


def _named(call: Begun) -> str:
    model = f" for {call.model}" if call.model else ""
    return f"{call.sent.method} {call.sent.path}{model}"
