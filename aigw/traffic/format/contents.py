"""Reads the contents of a recording: its bytes, also those in side files, and the call from which it was made."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import UNSET

from aigw.traffic.format.call import Answered, Begun, Sent
from aigw.traffic.format.folder import Folder, RecordingError
from aigw.traffic.format.recording import Blob, Recording, SentRequest, data_of, seconds_of


def pieces_of(recording: Recording, folder: Folder, name: str) -> Sequence[tuple[float, bytes]]:
    """Returns the pieces of an answer, each with the milliseconds after which it came. `name` is the name of the
    recording. Raises RecordingError."""
    pieces: list[tuple[float, bytes]] = []
    aside: Blob | None = None
    data, place = b"", 0
    for at, piece in recording.pieces:
        if not isinstance(piece, Blob) or not piece.file:
            pieces.append((at, _data(piece, folder, name)))
            continue
        if aside is None:
            aside, data = piece, folder.side(piece, name)
        if (piece.file, piece.sha256) != (aside.file, aside.sha256):
            raise _damaged(folder, name, "its answer is in several side files")
        pieces.append((at, data[place : place + piece.size]))
        place += piece.size
    if place != len(data):
        raise _damaged(folder, name, f"its side file has {len(data)} bytes, and its pieces {place}")
    return pieces


def body_of(request: SentRequest, folder: Folder, name: str) -> bytes:
    """Returns the body of a request. JSON is not written as it was sent, but has the same value. Raises
    RecordingError."""
    if request.json is not UNSET:
        return bytes(request.json)
    if request.body is None:
        return request.text.encode()
    return folder.side(request.body, name) if request.body.file else _data(request.body, folder, name)


def begun_of(recording: Recording, folder: Folder, name: str) -> Begun:
    """Returns the call as if it were made again. Raises RecordingError."""
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
        consumer=source.consumer,
    )


def _sent(request: SentRequest, folder: Folder, name: str) -> Sent:
    return Sent(
        request.method, request.path, request.query, tuple(request.headers.items()), body_of(request, folder, name)
    )


def answered_of(recording: Recording, folder: Folder, name: str) -> Answered:
    """Returns what came back, as if it came again. Raises RecordingError."""
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


def _data(piece: str | Blob, folder: Folder, name: str) -> bytes:
    try:
        return data_of(piece)
    except ValueError as error:
        raise _damaged(folder, name, str(error)) from None


def _damaged(folder: Folder, name: str, reason: str) -> RecordingError:
    return RecordingError(f"{folder.path / name}: is damaged ({reason}); record it again")
