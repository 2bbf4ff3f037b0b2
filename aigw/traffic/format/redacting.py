"""Takes out of a recording what counts as a secret now: `aigw traffic redact`.

A request with a secret of the configuration, or with a key of a known maker, finds its recording without the secret. A
replay does not know secrets that only a pattern has found: then the recording keeps the key of the request as it was
sent."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence
from functools import partial

from msgspec.json import encode
from msgspec.structs import replace

from aigw.dialects.bodies import begins_events
from aigw.dialects.sse import Event
from aigw.higress.re2 import GoRegex
from aigw.traffic.format.building import Key, LeakError, recording_of
from aigw.traffic.format.call import Answered, Begun
from aigw.traffic.format.contents import answered_of, begun_of
from aigw.traffic.format.folder import Folder, encoded
from aigw.traffic.format.folding import dialect_named, texts
from aigw.traffic.format.recording import Recording
from aigw.traffic.format.scrubbing import Scrubber, hiding

Clean = tuple[Recording, dict[str, bytes]]
"""A recording, and its side files by their names."""


def redacted(
    recording: Recording, folder: Folder, name: str, *, secrets: Iterable[str], patterns: Sequence[GoRegex]
) -> Clean | None:
    """Returns a recording without secrets, None if it has none. Raises RecordingError if it is damaged, LeakError if a
    secret in its answer cannot be taken out."""
    source = recording.source
    begun, answered = begun_of(recording, folder, name), answered_of(recording, folder, name)
    key = Key(recording.key, recording.rules, source.folder, source.home)
    build = partial(
        recording_of,
        begun,
        session=recording.session,
        key=key,
        stem=name.removesuffix(".json"),
        secrets=secrets,
        patterns=patterns,
        config=source.config,
    )
    try:
        new, sides = build(answered)
    except LeakError:
        hides = hiding(begun, secrets, patterns)
        new, sides = build(dataclasses.replace(answered, pieces=_respelled(begun, answered, hides)))
    same = new.pieces == recording.pieces
    made_again = not patterns and encode(new.request) != encode(recording.request)
    new = replace(
        new,
        key="" if made_again else recording.key,
        redacted=new.redacted or recording.redacted,
        source=replace(source, origin=new.source.origin, model=new.source.model, consumer=new.source.consumer),
        answer=recording.answer if same else new.answer,
        end=replace(recording.end, message=new.end.message),
    )
    return None if encoded(new) == encoded(recording) else (new, sides)


def _respelled(begun: Begun, answered: Answered, hides: Scrubber) -> list[tuple[float, bytes]]:
    """Returns the events of a stream with new texts, which together no longer spell a secret. Each event has as much
    text as before, as long as there is enough. A plain answer stays as it is."""
    if not answered.pieces or not begins_events(answered.pieces[0][1]):
        return answered.pieces
    added = texts(begun, answered.headers, [data for _, data in answered.pieces])
    clean = hides.text("".join(added))
    dialect = dialect_named(begun.dialect)
    last = max((place for place, text in enumerate(added) if text), default=-1)
    pieces = []
    for place, ((at, data), text) in enumerate(zip(answered.pieces, added, strict=True)):
        if text:
            share, clean = (clean, "") if place == last else (clean[: len(text)], clean[len(text) :])
            data = data if share == text else dialect.write(Event(data), share).raw
        pieces.append((at, data))
    return pieces
