"""Lists of models, files, batches, moderations, pictures, speech: an error of status 200 is a failure there, too."""

import gzip
import json

import pytest
from ai_proxy_world import OPENAI, TWO, once
from fakes import Answer, answer_json, chat

from aigw.core.errors import UpstreamError
from aigw.core.model import Request

FORM = {"content-type": "multipart/form-data; boundary=b"}
UPLOAD = b'--b\r\ncontent-disposition: form-data; name="file"; filename="a"\r\n\r\nx\r\n--b--\r\n'
CALLS = {
    "models": ("GET", "/v1/models", {"object": "list", "data": []}),
    "model": ("GET", "/v1/models/m", {"id": "m", "object": "model"}),
    "files": ("GET", "/v1/files", {"object": "list", "data": []}),
    "upload": ("POST", "/v1/files", {"id": "file-1", "object": "file", "status": "processed"}),
    "file": ("GET", "/v1/files/file-1", {"id": "file-1", "object": "file", "status": "error", "status_details": "bad"}),
    "deleted": ("DELETE", "/v1/files/file-1", {"id": "file-1", "object": "file", "deleted": True}),
    "batch": ("POST", "/v1/batches", {"id": "batch_1", "object": "batch", "errors": None}),
    "one batch": ("GET", "/v1/batches/b", {"id": "b", "object": "batch", "status": "failed", "errors": {"data": [{"code": "x"}]}}),
    "cancel": ("POST", "/v1/batches/b/cancel", {"id": "b", "object": "batch", "status": "cancelling"}),
    "moderation": ("POST", "/v1/moderations", {"id": "modr", "results": [{"flagged": False}]}),
    "picture": ("POST", "/v1/images/generations", {"created": 1, "data": [{"url": "u"}]}),
    "video": ("POST", "/v1/videos", {"id": "v", "object": "video", "status": "queued", "error": None}),
    "one video": ("GET", "/v1/videos/v", {"id": "v", "object": "video", "status": "failed", "error": {"code": "x", "message": "y"}}),
    "job": ("GET", "/v1/fine_tuning/jobs/j", {"id": "j", "object": "fine_tuning.job", "error": {"code": "x", "message": "y"}}),
    "response": ("GET", "/v1/responses/r", {"id": "r", "object": "response", "status": "failed", "error": {"message": "y"}}),
    "store": ("GET", "/v1/vector_stores/vs", {"id": "vs", "object": "vector_store"}),
}  # fmt: skip
"""By name: what is asked, and a right answer."""
ERRORS = {
    "error": ({"error": {"message": "busy", "code": 429}}, 429),
    "error text": ({"error": "busy"}, 502),
    "object error": ({"object": "error", "message": "busy", "code": 404}, 404),
    "flat type": ({"type": "error", "message": "busy"}, 502),
    "Anthropic": ({"type": "error", "error": {"type": "overloaded_error", "message": "busy"}}, 529),
    "base_resp": ({"base_resp": {"status_code": 1002, "status_msg": "busy"}}, 429),
    "error_code": ({"error_code": 336100, "error_msg": "busy"}, 503),
    "success": ({"success": False, "errors": [{"message": "busy", "code": 3040}], "result": None}, 502),
    "detail": ({"detail": "busy"}, 502),
    "details": ({"detail": [{"msg": "busy"}]}, 502),
    "code": ({"code": "InvalidApiKey", "message": "busy", "request_id": "1"}, 401),
    "code, msg": ({"code": 1305, "msg": "busy", "data": None}, 502),
    "ret": ({"ret": -1, "msg": "busy"}, 502),
    "Message": ({"Message": "busy", "RequestId": "1"}, 502),
    "message": ({"message": "busy"}, 502),
    "Response": ({"Response": {"Error": {"Code": "X", "Message": "busy"}, "RequestId": "1"}}, 502),
    "header": ({"header": {"code": 10013, "message": "busy"}}, 502),
    "fault": ({"fault": {"faultstring": "busy", "detail": {"errorcode": "x"}}}, 502),
    "array": ([{"error": {"code": 429, "message": "busy"}}], 429),
}
JSON, HTML = "application/json", "text/html; charset=utf-8"
RAW = {
    "page": (HTML, b"<!DOCTYPE html><html>no</html>"),
    "page as JSON": (JSON, b"\n<html>no</html>"),
    "page without a label": ("", b"<html>no</html>"),
    "empty": (JSON, b""),
    "empty text": ("text/plain", b""),
    "blank": (JSON, b" \n"),
    "text": ("text/plain", b"upstream connect error"),
    "cut": (JSON, b'{"object":"list","data":[{"id'),
    "cut text": ("text/plain", b'{"object":"list","data":[{"id'),
    "null": (JSON, b"null"),
    "nothing": (JSON, b"{}"),
}


def asking(method, path):
    if (method, path) == ("POST", "/v1/files"):
        return Request(method, path, "", chat({}, headers=FORM).headers, UPLOAD)
    request = chat({"model": "m", "input": "hi", "prompt": "hi"} if method == "POST" else {}, path=path)
    request.method = method
    if method != "POST":
        request.body = b""
    return request


def bad_answers():
    for name, (body, status) in ERRORS.items():
        yield name, answer_json(body), status
    for name, (kind, raw) in RAW.items():
        yield name, Answer(headers={"content-type": kind} if kind else {}, pieces=[raw] if raw else []), 502


@pytest.mark.parametrize("coding", ["", "gzip"])
@pytest.mark.parametrize("call", CALLS)
async def test_a_failure_moves_on_or_is_an_error_with_a_status(call, coding):
    method, path, good = CALLS[call]
    wrong = []
    for name, answer, status in bad_answers():
        if method == "DELETE" and name in ("empty", "empty text", "blank", "nothing"):
            continue
        if coding:
            answer.headers["content-encoding"] = coding
            answer.pieces = [gzip.compress(b"".join(answer.pieces))]
        second = answer_json(good)
        upstream, reply, received = await once(TWO | BOTH, asking(method, path), answer, second)
        if (len(upstream.sent), reply.status, json.loads(received)) != (2, 200, good):
            wrong.append((name, received))
        try:
            await once({"provider": OPENAI}, asking(method, path), answer)
            wrong.append((name, "passed"))
        except UpstreamError as error:
            if error.status != status:
                wrong.append((name, error.status))
    assert wrong == []


BOTH = {"providers": [{"id": "a", **OPENAI}, {"id": "b", **OPENAI}]}


@pytest.mark.parametrize("call", CALLS)
async def test_a_right_answer_passes_byte_for_byte(call):
    method, path, good = CALLS[call]
    _, reply, received = await once({"provider": OPENAI}, asking(method, path), answer_json(good))
    assert (reply.status, received) == (200, b"".join(answer_json(good).pieces))


def provider_of(path):
    return {"type": "cohere", "apiTokens": ["k"]} if path == "/v1/rerank" else OPENAI


PASSES = {
    "a page that was stored": ("GET", "/v1/files/f/content", HTML, b"<html>mine</html>"),
    "an error that was stored": ("GET", "/v1/files/f/content", JSON, b'{"error":{"message":"mine"}}'),
    "nothing that was stored": ("GET", "/v1/files/f/content", JSON, b""),
    "results": ("GET", "/v1/files/f/content", "application/jsonl", b'{"a":1}\n{"error":1}\n'),
    "speech": ("POST", "/v1/audio/speech", "audio/mpeg", b"<html>"[:3] + b"\x00\x01"),
    "subtitles": ("POST", "/v1/audio/transcriptions", "text/plain", b"1\n00:00 --> 00:01\n<i>hi</i>"),
    "silence": ("POST", "/v1/audio/transcriptions", "text/plain", b""),
    "a picture": ("POST", "/v1/images/generations", "image/png", b"\x89PNG"),
    "a film": ("GET", "/v1/videos/v/content", "video/mp4", b"\x00\x00"),
    "head": ("HEAD", "/v1/models", JSON, b""),
    "deleted": ("DELETE", "/v1/files/f", JSON, b"{}"),
    "deleted without a word": ("DELETE", "/v1/files/f", "", b""),
    "deleted in a word": ("DELETE", "/v1/files/f", JSON, b"true"),
    "a batch without its type": ("GET", "/v1/batches/b", JSON, b'{"id":"b","status":"failed"}'),
    "a batch that was cancelled": ("POST", "/v1/batches/b/cancel", JSON, b'{"id":"b","status":"cancelled"}'),
    "a job that was cancelled": ("POST", "/v1/fine_tuning/jobs/j/cancel", JSON, b'{"id":"j","object":"fine_tuning.job","status":"cancelled"}'),
    "a response that was cancelled": ("POST", "/v1/responses/r/cancel", JSON, b'{"id":"r","object":"response","status":"cancelled"}'),
    "an upload that was cancelled": ("POST", "/v1/uploads/u/cancel", JSON, b'{"id":"u","object":"upload","status":"cancelled"}'),
    "a video that failed": ("GET", "/v1/videos/v", JSON, b'{"id":"v","status":"failed"}'),
    "a picture that waits": ("POST", "/v1/images/generations", JSON, b'{"id":"t","status":"PENDING"}'),
    "a picture in another shape": ("POST", "/v1/images/generations", JSON, b'{"images":["iVBOR"],"id":"1"}'),
    "one picture": ("POST", "/v1/images/generations", JSON, b'{"image":"iVBOR"}'),
    "no ranks": ("POST", "/v1/rerank", JSON, b'{"id":"r","results":[]}'),
    "ranks as they are": ("POST", "/v1/rerank", JSON, b'[{"index":0,"score":0.5}]'),
    "ranks of DashScope": ("POST", "/v1/rerank", JSON, b'{"output":{"results":[]},"request_id":"1"}'),
    "a result that is one": ("POST", "/v1/images/generations", JSON, b'{"result":{"image":"iVBOR"},"success":true}'),
    "a text as JSON": ("POST", "/v1/audio/transcriptions", JSON, b'"true"'),
}  # fmt: skip


@pytest.mark.parametrize("case", PASSES)
async def test_what_may_be_anything_passes(case):
    method, path, kind, raw = PASSES[case]
    answer = Answer(headers={"content-length": str(len(raw))}, pieces=[raw] if raw else [])
    answer.headers |= {"content-type": kind} if kind else {}
    _, reply, received = await once({"provider": provider_of(path)}, asking(method, path), answer)
    assert (reply.status, received) == (200, raw)


POSTS = {
    "pictures": "/v1/images/generations",
    "edits": "/v1/images/edits",
    "ranks": "/v1/rerank",
    "moderations": "/v1/moderations",
}

FAILS = {
    "page for speech": ("POST", "/v1/audio/speech", HTML, b"<html>no</html>"),
    "page as speech": ("POST", "/v1/audio/speech", "audio/mpeg", b"<!doctype html>no"),
    "error for speech": ("POST", "/v1/audio/speech", JSON, b'{"error":{"message":"busy"}}'),
    "error in text for speech": ("POST", "/v1/audio/speech", "text/plain", b'{"error":{"message":"busy"}}'),
    "page for a transcription": ("POST", "/v1/audio/transcriptions", HTML, b"<HTML>no</HTML>"),
    "error for a transcription": ("POST", "/v1/audio/transcriptions", "text/plain", b'{"error":{"message":"busy"}}'),
    "page for a film": ("GET", "/v1/videos/v/content", HTML, b"<html>no</html>"),
    "error for a film": ("GET", "/v1/videos/v/content", JSON, b'{"error":{"message":"busy"}}'),
    "a list that is none": ("GET", "/v1/models", JSON, b'{"object":"list"}'),
    "no list": ("GET", "/v1/models", JSON, b'{"data":null}'),
    **{
        f"{name}: {body}": ("POST", path, JSON, body.encode())
        for name, path in POSTS.items()
        for body in ('true', '7', '"done"', '["a"]', '{"id":"x","status":"failed"}', '{"id":"x","status":"CANCELLED"}',
                     '{"result":"error"}', '{"id":"x","state":"error","data":[]}', '{"id":"x","task_status":"failed"}')
    },
    **{f"{name} without any": ("POST", POSTS[name], JSON, b'{"id":"x","created":1,"usage":{"total_tokens":1}}')
       for name in ("pictures", "edits", "moderations", "ranks")},
    "no pictures": ("POST", POSTS["pictures"], JSON, b'{"created":1,"data":[]}'),
    "a picture that was cancelled": ("POST", POSTS["pictures"], JSON, b'{"data":[{"url":"u"}],"status":"cancelled"}'),
    "a number for a file": ("GET", "/v1/files/file-1", JSON, b"1"),
    "a truth for a batch": ("GET", "/v1/batches/b", JSON, b"true"),
    "a video that was not begun": ("POST", "/v1/videos", JSON, b'{"id":"v","object":"video","status":"failed"}'),
    "a transcription that failed": ("POST", "/v1/audio/transcriptions", JSON, b'{"id":"t","status":"error"}'),
}  # fmt: skip


@pytest.mark.parametrize("case", FAILS)
async def test_what_is_never_an_answer_has_failed(case):
    method, path, kind, raw = FAILS[case]
    with pytest.raises(UpstreamError):
        answer = Answer(headers={"content-type": kind}, pieces=[raw])
        await once({"provider": provider_of(path)}, asking(method, path), answer)
