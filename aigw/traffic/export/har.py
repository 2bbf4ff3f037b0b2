"""Recordings as HAR 1.2, which the developer tools of browsers and many other programs read.

See http://www.softwareishard.com/blog/har-12-spec/. What HAR has no place for is under `_aigw`."""

from __future__ import annotations

from base64 import b64encode
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qsl

import msgspec

from aigw import __version__
from aigw.traffic.format.contents import body_of, pieces_of
from aigw.traffic.format.folder import Folder
from aigw.traffic.format.recording import Recording, SentRequest

Json = dict[str, Any]
_VERSION = "HTTP/1.1"


def har(entries: list[Json]) -> Json:
    """Returns a whole file of entries, oldest first."""
    ordered = sorted(entries, key=lambda entry: str(entry["startedDateTime"]))
    return {"log": {"version": "1.2", "creator": {"name": "aigw", "version": __version__}, "entries": ordered}}


def har_entry(recording: Recording, folder: Folder, name: str) -> Json:
    """Returns one call. Raises RecordingError."""
    pieces = pieces_of(recording, folder, name)
    end = recording.end.after
    wait = min(pieces[0][0], end) if pieces else end
    return {
        "startedDateTime": _started(recording),
        "time": end,
        "request": _request(recording, folder, name),
        "response": _response(recording, b"".join([data for _, data in pieces])),
        "cache": {},
        "timings": {"send": 0, "wait": wait, "receive": round(end - wait, 1)},
        "_aigw": {
            "recording": name,
            "session": recording.session.number,
            "position": recording.session.position,
            "provider": recording.source.service,
            "model": recording.source.model,
            "ended": recording.end.ended,
            "error": recording.end.message,
            "events": [[at, len(data)] for at, data in pieces],
        },
    }


def _started(recording: Recording) -> str:
    """Returns when the call was sent. Recordings have seconds; calls of one session keep their order by a millisecond
    each."""
    try:
        date = datetime.fromisoformat(recording.source.date)
    except ValueError:
        return "1970-01-01T00:00:00.000Z"
    later = date + timedelta(milliseconds=min(recording.session.position, 999))
    return later.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _request(recording: Recording, folder: Folder, name: str) -> Json:
    sent = recording.request
    body = body_of(sent, folder, name)
    query = f"?{sent.query}" if sent.query else ""
    request = {
        "method": sent.method,
        "url": f"{recording.source.origin}{sent.path}{query}",
        "httpVersion": _VERSION,
        "cookies": [],
        "headers": _pairs(sent.headers),
        "queryString": [{"name": key, "value": value} for key, value in parse_qsl(sent.query, keep_blank_values=True)],
        "headersSize": -1,
        "bodySize": len(body),
    }
    return request | {"postData": _posted(sent, body)} if body else request


def _posted(sent: SentRequest, body: bytes) -> Json:
    kind = sent.headers.get("content-type", "application/octet-stream")
    if sent.form:
        params = [_param(msgspec.to_builtins(part)) for part in sent.form]
        return {"mimeType": kind, "params": params}
    text, encoding = _text(body)
    return {"mimeType": kind, "text": text} | ({"_encoding": encoding} if encoding else {})


def _param(part: Json) -> Json:
    named = {"name": part["name"], "value": part.get("text", "")}
    if part.get("filename"):
        named["fileName"] = part["filename"]
    if part.get("content_type"):
        named["contentType"] = part["content_type"]
    return named


def _response(recording: Recording, body: bytes) -> Json:
    head = recording.head
    text, encoding = _text(body)
    content = {"size": len(body), "mimeType": head.headers.get("content-type", ""), "text": text}
    return {
        "status": head.status,
        "statusText": _phrase(head.status),
        "httpVersion": _VERSION,
        "cookies": [],
        "headers": _pairs(head.headers),
        "content": content | ({"encoding": encoding} if encoding else {}),
        "redirectURL": head.headers.get("location", ""),
        "headersSize": -1,
        "bodySize": len(body),
    } | ({"_error": recording.end.message or recording.end.ended} if recording.end.ended != "complete" else {})


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return ""


def _text(body: bytes) -> tuple[str, str]:
    """Returns a body as text, and how it is encoded: "" or base64."""
    try:
        return body.decode(), ""
    except UnicodeDecodeError:
        return b64encode(body).decode(), "base64"


def _pairs(headers: dict[str, str]) -> list[Json]:
    return [{"name": name, "value": value} for name, value in headers.items()]
