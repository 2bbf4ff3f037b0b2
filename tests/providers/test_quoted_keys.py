"""An error of a provider that quotes our key reaches the client without it, whatever its form; and an ordinary answer may
have a word that is a short key."""

import gzip
import json
import zlib
from functools import partial

import brotli
import pytest
from ai_proxy_world import HELLO, OPENAI, STREAM, delta, once
from backports import zstd
from fakes import USABLE, Answer, chat, events
from hypothesis import given
from hypothesis import strategies as st

from aigw.core.errors import FailedAnswerError, UpstreamError
from aigw.core.model import Chunk
from aigw.providers.quoted_keys import LongError

KEY = 'sk-ours"0123456789-ABCDEF/+='
PLAIN = "sk-ours-0123456789-ABCDEF"
MESSAGES = {"type": "claude", "apiTokens": [PLAIN]}
GEMINI = {"type": "gemini", "apiTokens": [PLAIN]}


def provider(key=PLAIN, **more):
    return {"provider": {**OPENAI, "apiTokens": [key], **more}}


def bodies(key):
    said = f"Incorrect API key provided: {key}. See https://example.com"
    return {
        "application/json": json.dumps({"error": {"message": said, "code": "invalid_api_key"}}).encode(),
        "text/html": f"<html><body><h1>401</h1>\n<p>{said}</p></body></html>".encode(),
        "text/plain": said.encode(),
        "text/event-stream": f"event: error\ndata: {json.dumps({'error': {'message': said}})}\n\n".encode(),
        "": json.dumps({"detail": said, "headers": {"Authorization": f"Bearer {key}"}}).encode(),
    }


@pytest.mark.parametrize("key", [PLAIN, KEY])
@pytest.mark.parametrize("status", [400, 401, 403, 429, 500, 503])
@pytest.mark.parametrize("kind", bodies("k"))
@pytest.mark.parametrize("form", ["whole", "pieces", "gzip", "long"])
async def test_a_refusal_that_quotes_the_key(key, status, kind, form):
    body = bodies(key)[kind]
    headers = {"content-type": kind} if kind else {}
    if form == "gzip":
        body, headers = gzip.compress(body), {**headers, "content-encoding": "gzip"}
    if form == "long":
        body = body + b" " * 100_000 + body
    step = 7 if form == "pieces" else len(body)
    answer = Answer(status, headers, [body[start : start + step] for start in range(0, len(body), step)])
    _, reply, received = await once(provider(key), chat(HELLO), answer)
    assert reply.status == status
    assert b"0123456789" not in received
    assert b"***" in received


@pytest.mark.parametrize("kind", ["application/json", "text/html"])
async def test_a_coding_that_nobody_can_undo_is_not_passed_on(kind):
    answer = Answer(401, {"content-type": kind, "content-encoding": "secret"}, [PLAIN.encode()])
    _, _, received = await once(provider(), chat(HELLO), answer)
    assert PLAIN.encode() not in received


async def test_a_header_that_quotes_the_key():
    refused = {"content-type": "application/json", "www-authenticate": f'Bearer error="{PLAIN}"'}
    _, reply, _ = await once(provider(), chat(HELLO), Answer(401, refused, [b"{}"]))
    assert reply.headers["www-authenticate"] == 'Bearer error="***"'


ERROR = {"message": f"the key {PLAIN} is not known"}
LAST = {
    "chat": (provider(), STREAM, "/v1/chat/completions", [delta("Hi"), {"error": ERROR}]),
    "chat, in a choice": (
        provider(), STREAM, "/v1/chat/completions",
        [delta("Hi"), {"choices": [{"index": 0, "finish_reason": "error", "error": ERROR}]}],
    ),
    "messages": (
        {"provider": MESSAGES}, {**STREAM, "max_tokens": 9}, "/v1/messages",
        [{"type": "message_start", "message": {"usage": {}}}, {"type": "error", "error": ERROR}],
    ),
    "responses": (
        provider(), {"model": "gpt-4", "input": "hi", "stream": True}, "/v1/responses",
        [{"type": "response.created"}, {"type": "response.failed", "response": {"status": "failed", "error": ERROR}}],
    ),
    "responses, flat": (
        provider(), {"model": "gpt-4", "input": "hi", "stream": True}, "/v1/responses",
        [{"type": "response.created"}, {"type": "error", **ERROR}],
    ),
    "gemini": (
        {"provider": {**GEMINI, "protocol": "original"}}, {"contents": []},
        "/v1beta/models/gemini-2.5-pro:streamGenerateContent",
        [{"candidates": [{"content": {"parts": [{"text": "Hi"}]}}]}, {"error": ERROR}],
    ),
}  # fmt: skip


@pytest.mark.parametrize("together", [True, False])
@pytest.mark.parametrize("case", LAST)
async def test_an_error_event_that_quotes_the_key(case, together):
    config, body, path, sent = LAST[case]
    answer = events(*sent, done=False)
    if together:
        answer.pieces = [b"".join(answer.pieces)]
    for script in (answer, Answer(200, answer.headers, answer.pieces[-1:])):
        received = await said(config, chat(body, path=path), script)
        assert PLAIN.encode() not in received
        assert b"***" in received


async def said(config, request, answer):
    """What the client gets, or the error before its first content."""
    try:
        _, _, received = await once(config, request, answer)
    except FailedAnswerError as error:
        return error.answer().message.encode()
    return received


async def test_an_error_in_a_plain_answer_with_status_200():
    answer = Answer(pieces=[json.dumps({"error": ERROR}).encode()])
    received = await said(provider(), chat(HELLO), answer)
    assert PLAIN.encode() not in received
    assert b"***" in received


async def test_a_short_key_may_be_a_word_of_an_answer():
    sent = events(delta("The key is a placeholder, isn't it?"), delta("", "stop"))
    _, _, received = await once(provider("placeholder"), chat(STREAM), sent)
    assert received == b"".join(sent.pieces)


FOREIGN = {
    "an unknown object": {"Response": {"Fault": {"Reason": PLAIN}}},
    "a text": f"the key {PLAIN} is not known",
    "a list": [[PLAIN]],
    "not JSON": f"the key {PLAIN} is not known".encode(),
}


@pytest.mark.parametrize("together", [True, False])
@pytest.mark.parametrize("sent", FOREIGN.values(), ids=FOREIGN)
async def test_an_event_that_nobody_can_read_quotes_no_key(sent, together):
    answer = events(delta("Hi"), b"data: " + sent + b"\n\n" if isinstance(sent, bytes) else sent, delta("", "stop"))
    if together:
        answer.pieces = [b"".join(answer.pieces)]
    received = await said(provider(), chat(STREAM), answer)
    assert PLAIN.encode() not in received
    assert b"***" in received


async def test_an_array_that_quotes_the_key():
    sent = [{"candidates": [{"content": {"parts": [{"text": "Hi"}]}}]}, {"error": ERROR}]
    path = "/v1beta/models/gemini-2.5-pro:streamGenerateContent"
    config = {"provider": {**GEMINI, "protocol": "original"}}
    raw = json.dumps(sent).encode()
    for step in (7, len(raw)):
        answer = Answer(pieces=[raw[start : start + step] for start in range(0, len(raw), step)])
        received = await said(config, chat({"contents": []}, path=path), answer)
        assert PLAIN.encode() not in received
        assert b"***" in received


async def test_higress_passes_it():
    body = bodies(PLAIN)["application/json"]
    answer = Answer(401, {"content-type": "application/json", "x-aigw-cache": "hit"}, [body])
    _, _, received = await once(provider(), chat(HELLO), answer, fidelity="higress")
    assert received == body


async def test_a_provider_cannot_speak_as_us():
    headers = {
        "content-type": "application/json",
        "x-aigw-cache": "hit; key=1",
        "X-Aigw-Request-Id": "theirs",
        "x-own": "1",
    }
    for status in (200, 401):
        _, reply, _ = await once(provider(), chat(HELLO), Answer(status, headers, [USABLE]))
        assert not [name for name in reply.headers if name.lower().startswith("x-aigw-")]
        assert reply.headers["x-own"] == "1"


@given(st.lists(st.sampled_from([b"a", b"s", b"secret", b"sec", b"ret", b"secretsecret", b"-"])), st.integers(1, 9))
def test_a_long_error_is_cut_anywhere(parts, size):
    data = b"".join(parts)
    long = LongError((b"secretsecret", b"secret"))
    pieces = [data[start : start + size] for start in range(0, len(data), size)]
    out = [chunk.raw for piece in pieces for chunk in long.feed([Chunk(piece)])]
    out += [chunk.raw for chunk in long.end()]
    assert b"secret" not in b"".join(out)
    assert b"".join(out).replace(b"*", b"") == data.replace(b"secret", b"")


CODINGS = {
    "gzip": gzip.compress,
    "deflate": zlib.compress,
    "br": partial(brotli.compress, quality=4),
    "zstd": zstd.compress,
}
WRITTEN = {
    "a letter, as in JSON": PLAIN.replace("-", "\\u002d", 1),
    "each letter, as in JSON": "".join(f"\\u{ord(each):04X}" for each in PLAIN),
    "as in a URL": PLAIN.replace("-", "%2D"),
    "as in HTML": PLAIN.replace("-", "&#45;"),
}
REFUSED = '{"error":{"message":"the key %s is wrong","type":"x","code":"invalid_api_key"}}'
SAID = '{"choices":[{"index":0,"message":{"content":"the key is %s"},"finish_reason":"stop"}]}'
EVENT = 'data: {"choices":[{"index":0,"delta":{"content":"the key is %s"},"finish_reason":null}]}\n\n'
END = 'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n'


def quotes(received):
    return b"0123456789" in received or b"\\u0030" in received


@pytest.mark.parametrize("coding", ["", *CODINGS])
@pytest.mark.parametrize("written", WRITTEN.values(), ids=WRITTEN)
@pytest.mark.parametrize("kind", ["application/json", "text/html", "long"])
async def test_an_escaped_key_in_an_error(written, kind, coding):
    body = (REFUSED.replace("%s", written)).encode()
    body = body + b" " * 200_000 + body if kind == "long" and not coding else body
    headers = {"content-type": "text/html" if kind == "long" else kind}
    if coding:
        body, headers = CODINGS[coding](body), {**headers, "content-encoding": coding}
    _, reply, received = await once(provider(), chat(HELLO), Answer(401, headers, [body]))
    assert (reply.status, "content-encoding" in reply.headers) == (401, False)
    assert b"***" in received
    assert not quotes(received)


@pytest.mark.parametrize("coding", CODINGS)
async def test_a_long_coded_error(coding):
    body = CODINGS[coding](b"".join(b"%d %b\n" % (number * 7919**3, PLAIN.encode()) for number in range(60_000)))
    assert len(body) > 64 * 1024
    pieces = [body[start : start + 5000] for start in range(0, len(body), 5000)]
    answer = Answer(500, {"content-type": "text/plain", "content-encoding": coding}, pieces)
    _, reply, received = await once(provider(), chat(HELLO), answer)
    assert "content-encoding" not in reply.headers
    assert b"***" in received
    assert not quotes(received)


@pytest.mark.parametrize("coding", ["", *CODINGS])
@pytest.mark.parametrize("written", [PLAIN, *WRITTEN.values()])
async def test_a_key_in_a_plain_answer(written, coding):
    body, headers = SAID.replace("%s", written).encode(), {"content-type": "application/json"}
    if coding:
        body, headers = CODINGS[coding](body), {**headers, "content-encoding": coding}
    received = await said(provider(), chat(HELLO), Answer(200, headers, [body]))
    assert json.loads(received)["choices"][0]["message"]["content"] == "the key is ***"


@pytest.mark.parametrize("written", [PLAIN, *WRITTEN.values()])
@pytest.mark.parametrize("asked", [HELLO, STREAM])
async def test_a_key_in_a_header_of_an_answer_that_succeeded(written, asked):
    answer = events(delta("yo", "stop")) if asked is STREAM else Answer(pieces=[SAID.encode()])
    answer.headers = {**answer.headers, "x-debug": f"key={written}", "x-other": "1"}
    _, reply, _ = await once(provider(), chat(asked), answer)
    assert (reply.headers["x-debug"], reply.headers["x-other"]) == ("key=***", "1")


@pytest.mark.parametrize("written", [PLAIN, *WRITTEN.values()])
async def test_a_key_in_a_stream(written):
    pieces = [each.encode() for each in (EVENT.replace("%s", "Hi"), EVENT.replace("%s", written), END)]
    for answer in (pieces, [b"".join(pieces)]):
        received = await said(provider(), chat(STREAM), Answer(200, {"content-type": "text/event-stream"}, answer))
        assert b"the key is ***" in received
        assert not quotes(received)


@pytest.mark.parametrize("coding", CODINGS)
@pytest.mark.parametrize("written", [PLAIN, *WRITTEN.values()])
async def test_a_coded_stream_is_broken_off_before_a_key(written, coding):
    body = CODINGS[coding]("".join((EVENT.replace("%s", "Hi"), EVENT.replace("%s", written), END)).encode())
    headers = {"content-type": "text/event-stream", "content-encoding": coding}
    for step in (3, len(body)):
        answer = Answer(200, headers, [body[start : start + step] for start in range(0, len(body), step)])
        with pytest.raises(UpstreamError, match="quotes a key of ours"):
            await once(provider(), chat(STREAM), answer)


@pytest.mark.parametrize("coding", CODINGS)
async def test_an_ordinary_coded_answer_passes_as_it_came(coding):
    for kind, text in (
        ("application/json", SAID.replace("%s", "100% sk-ours")),
        ("text/event-stream", EVENT.replace("%s", "100% sk-ours") + END),
    ):
        body = CODINGS[coding](text.encode())
        headers = {"content-type": kind, "content-encoding": coding}
        pieces = [body[start : start + 9] for start in range(0, len(body), 9)]
        asked = STREAM if "stream" in kind else HELLO
        _, reply, received = await once(provider(), chat(asked), Answer(200, headers, pieces))
        assert (received, reply.headers["content-encoding"]) == (body, coding)
