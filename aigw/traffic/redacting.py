"""Takes out of a recording what counts as a secret now: `aigw traffic redact`.

A request that has a secret of the configuration, or a key of a known maker, finds its recording without it. What only a
pattern has found is unknown to those who replay: then the key stays that of the request as it was sent."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from msgspec.json import encode
from msgspec.structs import replace

from aigw.higress.re2 import GoRegex
from aigw.traffic.building import Key, recording_of
from aigw.traffic.call import Answered, Begun, Sent
from aigw.traffic.client_calls import seconds_of
from aigw.traffic.contents import body_of, pieces_of
from aigw.traffic.folder import Folder, encoded
from aigw.traffic.recording import Recording, SentRequest

Clean = tuple[Recording, dict[str, bytes]]
"""A recording, and its side files by their names."""


def redacted(
    recording: Recording, folder: Folder, name: str, *, secrets: Iterable[str], patterns: Sequence[GoRegex]
) -> Clean | None:
    """Returns a recording without secrets, None if it has none. Raises RecordingError if it is damaged, LeakError if a
    secret in its answer cannot be taken out."""
    source = recording.source
    begun, answered = _begun(recording, folder, name), _answered(recording, folder, name)
    key = Key(recording.key, recording.rules, source.folder, source.home)
    stem = name.removesuffix(".json")
    new, sides = recording_of(
        begun,
        answered,
        recording.session,
        key,
        stem=stem,
        secrets=secrets,
        patterns=patterns,
        config=source.config,
    )
    same = new.pieces == recording.pieces
    made_again = not patterns and encode(new.request) != encode(recording.request)
    new = replace(
        new,
        key="" if made_again else recording.key,
        redacted=new.redacted or recording.redacted,
        source=replace(source, origin=new.source.origin, model=new.source.model),
        answer=recording.answer if same else new.answer,
        end=replace(recording.end, message=new.end.message),
    )
    return None if encoded(new) == encoded(recording) else (new, sides)


def _begun(recording: Recording, folder: Folder, name: str) -> Begun:
    source, client = recording.source, recording.client
    return Begun(
        sent=_sent(recording.request, folder, name),
        client=_sent(client, folder, name) if client is not None else None,
        exchange="",
        api=source.api,
        dialect=source.dialect,
        asked="",
        service=source.service,
        name=source.name,
        origin=source.origin,
        model=source.model,
        route=source.route,
        attempt=source.attempt,
        at=seconds_of(source.date),
    )


def _sent(request: SentRequest, folder: Folder, name: str) -> Sent:
    return Sent(
        request.method, request.path, request.query, tuple(request.headers.items()), body_of(request, folder, name)
    )


def _answered(recording: Recording, folder: Folder, name: str) -> Answered:
    head, end = recording.head, recording.end
    return Answered(
        status=head.status,
        headers=tuple(head.headers.items()),
        pieces=[(at / 1000, data) for at, data in pieces_of(recording, folder, name)],
        after=end.after / 1000,
        fault=end.fault,
        message=end.message,
        whole=end.ended == "complete",
    )
