"""The bytes of a recording, also those that are in side files."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import UNSET

from aigw.traffic.folder import Folder, RecordingError
from aigw.traffic.recording import Blob, Recording, SentRequest, data_of


def pieces_of(recording: Recording, folder: Folder, name: str) -> Sequence[tuple[float, bytes]]:
    """Returns the pieces of an answer, each with the milliseconds after which it came. `name` is that of the recording.
    Raises RecordingError."""
    pieces: list[tuple[float, bytes]] = []
    aside: Blob | None = None
    data, place = b"", 0
    for at, piece in recording.pieces:
        if not isinstance(piece, Blob) or not piece.file:
            pieces.append((at, _data(piece, folder, name)))
            continue
        if aside is None:
            aside, data = piece, folder.side(piece)
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
    return folder.side(request.body) if request.body.file else _data(request.body, folder, name)


def _data(piece: str | Blob, folder: Folder, name: str) -> bytes:
    try:
        return data_of(piece)
    except ValueError as error:
        raise _damaged(folder, name, str(error)) from None


def _damaged(folder: Folder, name: str, reason: str) -> RecordingError:
    return RecordingError(f"{folder.path / name}: is damaged ({reason}); record it again")
