"""The calls that the clients of a run made, read from a folder of recordings.

Rule: a request of a client is one call, however many providers were tried for it; its answer is that of the last one.
Calls that plugins made by themselves do not count."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256
from typing import NamedTuple

import msgspec
from msgspec import Struct

from aigw.core.headers import CONVERSATION_HEADERS
from aigw.traffic.format.call import Sent
from aigw.traffic.format.contents import body_of, pieces_of
from aigw.traffic.format.folder import Entry, Folder, RecordingError, iterate
from aigw.traffic.format.recording import Recording, SentRequest, Source, seconds_of
from aigw.traffic.format.tree import below
from aigw.traffic.matching.index import Group
from aigw.traffic.runs.outcome import Outcome, tokens_of


class ClientCall(Struct, frozen=True, kw_only=True):
    """A call of a client. `name` is the first recording of the call, `last` the one that has its answer. `at` is when
    it was sent, in whole seconds since 1970. `client` is what the client sent, `sent` what left the gateway in the
    end."""

    name: str
    last: str
    group: Group
    session: str
    at: float
    source: Source
    client: SentRequest
    sent: SentRequest
    outcome: Outcome

    @property
    def api(self) -> str:
        return self.source.api

    def sent_by_client(self, folder: Folder) -> Sent:
        """Returns the request as the client sends it, without its key. Raises RecordingError if a side file is
        missing."""
        request = self.client
        headers = dict(request.headers)
        if self.session and not any(name in headers for name in CONVERSATION_HEADERS):
            headers[CONVERSATION_HEADERS[0]] = self.session
        return Sent(
            request.method, request.path, request.query, tuple(headers.items()), body_of(request, folder, self.name)
        )


class Run(NamedTuple):
    """The calls of a run. `others` counts the recordings of what plugins asked for themselves."""

    calls: list[ClientCall]
    others: int

    @property
    def sessions(self) -> list[list[ClientCall]]:
        groups: dict[Group, list[ClientCall]] = {}
        for call in self.calls:
            groups.setdefault(call.group, []).append(call)
        return list(groups.values())


def read_run(folder: Folder) -> Run:
    """Reads the calls by session, in the order in which they began. Raises RecordingError."""
    calls: list[ClientCall] = []
    others = 0
    for entry, recording in iterate(folder):
        if not recording.source.dialect:
            others += 1
            continue
        call = _call(entry, recording, folder)
        place = _earlier(calls, call)
        if place is None:
            calls.append(_not_before(calls[-1], call) if calls else call)
        else:
            calls[place] = msgspec.structs.replace(call, name=calls[place].name, at=calls[place].at)
    return Run(calls, others)


def read_calls(folder: Folder) -> Run:
    """Does what `read_run` does. Raises RecordingError, also if there is no call."""
    run = read_run(folder)
    if not run.calls:
        what = "only calls of plugins, but none" if run.others else "no call"
        deeper = [each.path for each in below(folder.path) if each.path != folder.path]
        if deeper:
            raise RecordingError(
                f"{folder.path}: its recordings are in {len(deeper)} folders, as {deeper[0]}; name one"
            )
        raise RecordingError(f"{folder.path}: has {what} of a client; `aigw serve --record {folder.path}` records some")
    return run


def _call(entry: Entry, recording: Recording, folder: Folder) -> ClientCall:
    return ClientCall(
        name=entry.name,
        last=entry.name,
        group=entry.group,
        session=recording.session.name,
        at=seconds_of(recording.source.date),
        source=recording.source,
        client=recording.client or recording.request,
        sent=recording.request,
        outcome=outcome_of(recording, folder, entry.name),
    )


def _not_before(before: ClientCall, call: ClientCall) -> ClientCall:
    """Returns a call that is not earlier than the one before it in its session: a clock may have been set back."""
    if call.group != before.group or call.at >= before.at:
        return call
    return msgspec.structs.replace(call, at=before.at)


def _earlier(calls: Sequence[ClientCall], call: ClientCall) -> int | None:
    """Returns the place of the earlier call that this one tries again, None if it is the first attempt."""
    if not call.source.attempt:
        return None
    for place in range(len(calls) - 1, -1, -1):
        earlier = calls[place]
        if earlier.group != call.group:
            return None
        if earlier.source.attempt == call.source.attempt - 1 and _material(earlier.client) == _material(call.client):
            return place
    return None


def _material(request: SentRequest) -> tuple[object, ...]:
    body = request.json if request.json is msgspec.UNSET else bytes(request.json)
    return request.method, request.path, request.query, body, request.text, request.body and request.body.sha256


def outcome_of(recording: Recording, folder: Folder, name: str) -> Outcome:
    """Returns the outcome of a recorded call. `name` is the name of the recording. Raises RecordingError."""
    answer, end = recording.answer, recording.end
    read = answer.text or answer.calls or answer.reasoning or answer.finish or answer.error
    body = b"" if read else b"".join([data for _, data in pieces_of(recording, folder, name)])
    return Outcome(
        status=recording.head.status,
        answer=answer,
        ms=end.after,
        broken=end.ended in ("broken", "unreachable"),
        left=end.ended == "left",
        digest=digest(body),
        service=recording.source.service,
        model=recording.source.model,
        tokens=tokens_of(answer.tokens),
    )


def digest(body: bytes) -> str:
    return sha256(body).hexdigest() if body else ""
