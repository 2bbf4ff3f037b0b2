"""Request bodies as bytes: what reaches the provider, what is refused, and in whose shape."""

import asyncio
import gzip
import json
import zlib

import brotli
import pytest
from stage.answers import PATH, answers
from stage.gateway import proxied
from stage.raw import encode

try:
    from compression import zstd
except ImportError:
    from backports import zstd

BODY = b'{"model":"gpt-4o","messages":[{"role":"user","content":"Gr\xc3\xbc\xc3\x9fe"}]}'
ODD = b'{ "b" : 1.50e2,\n "model":"gpt-4o", "a":"\\u00fc \xc3\xbc \xf0\x9f\x91\x8b", "z":12345678901234567890, "messages":[] }\n'
MEGABYTE = 2**20
RAW_DEFLATE = zlib.compressobj(wbits=-zlib.MAX_WBITS)
PACKED = {
    "gzip": gzip.compress(BODY, mtime=0),
    "x-gzip": gzip.compress(BODY, mtime=0),
    "deflate": zlib.compress(BODY),
    "deflate (raw)": RAW_DEFLATE.compress(BODY) + RAW_DEFLATE.flush(),
    "br": brotli.compress(BODY),
    "zstd": zstd.compress(BODY),
    "gzip, zstd": zstd.compress(gzip.compress(BODY, mtime=0)),
    "identity": BODY,
}
FIRST_PARTS = {name: packed[:-3] for name, packed in PACKED.items() if name != "identity"}


@pytest.mark.parametrize("body", [BODY, ODD])
async def test_bytes_first(behind, body):
    """A body that nobody changes keeps every byte: spaces, order, numbers, escapes."""
    running, upstream = await behind(answers())
    assert (await running.request("POST", PATH, body)).status == 200
    request = upstream.requests[0]
    assert request.body == body
    assert request.headers["content-length"] == str(len(body))


async def test_one_changed_field(behind):
    """Where the model is mapped, everything else keeps its bytes and its place."""
    running, upstream = await behind(answers(), modelMapping={"gpt-4o": "other"})
    await running.request("POST", PATH, ODD)
    got = upstream.requests[0].body
    assert got.index(b'"b"') < got.index(b'"model"') < got.index(b'"a"') < got.index(b'"z"') < got.index(b'"messages"')
    for kept in (b"1.50e2", b'"\\u00fc \xc3\xbc \xf0\x9f\x91\x8b"', b"12345678901234567890", b'"model":"other"'):
        assert kept in got


async def test_utf8_split_over_segments(behind):
    """A character may arrive in two TCP segments."""
    running, upstream = await behind(answers())
    client = await running.connect()
    request = encode("POST", PATH, BODY)
    cut = request.index(b"\xbc")
    await client.send(request[:cut])
    await asyncio.sleep(0.02)  # so that it leaves as a segment of its own
    await client.send(request[cut:])
    assert (await client.answer()).status == 200
    assert upstream.requests[0].body == BODY


async def test_one_byte_at_a_time(behind):
    """A client may send a request byte by byte."""
    running, upstream = await behind(answers())
    client = await running.connect()
    for byte in encode("POST", PATH, BODY):
        await client.send(bytes([byte]))
        await asyncio.sleep(0)
    assert (await client.answer()).status == 200
    assert upstream.requests[0].body == BODY


@pytest.mark.parametrize("size", [1, 7, 4096])
async def test_chunked_body(behind, size):
    """A body in chunks goes on with its length."""
    running, upstream = await behind(answers())
    client = await running.connect()
    body = BODY * 1
    chunks = [body[at : at + size] for at in range(0, len(body), size)]
    head = b"POST %b HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\n" % PATH.encode()
    framed = b"".join(b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks)
    await client.send(head + b"transfer-encoding: chunked\r\n\r\n" + framed + b"0\r\n\r\n")
    assert (await client.answer()).status == 200
    assert upstream.requests[0].body == body
    assert upstream.requests[0].headers["content-length"] == str(len(body))
    assert "transfer-encoding" not in upstream.requests[0].headers


async def test_thirty_megabytes(behind):
    """A JSON body of 30 MB arrives whole."""
    running, upstream = await behind(answers())
    body = b'{"model":"gpt-4o","messages":[{"role":"user","content":"%b"}]}' % (b"\xc3\xbc" * (15 * MEGABYTE))
    assert (await running.request("POST", PATH, body)).status == 200
    assert upstream.requests[0].body == body


@pytest.mark.parametrize("encoding", PACKED)
async def test_encodings(behind, encoding):
    """gzip, br, zstd, deflate in both forms, and two over each other: decoded, header gone, length right."""
    running, upstream = await behind(answers())
    answer = await running.request("POST", PATH, PACKED[encoding], content_encoding=encoding.partition(" (")[0])
    assert answer.status == 200, answer.body
    request = upstream.requests[0]
    assert request.body == BODY
    assert "content-encoding" not in request.headers
    assert request.headers["content-length"] == str(len(BODY))


@pytest.mark.parametrize(
    ("encoding", "body"),
    [
        *((name.partition(" (")[0], packed) for name, packed in FIRST_PARTS.items()),
        *((name, b"this is not compressed") for name in ("gzip", "deflate", "br", "zstd")),
        ("gzip", PACKED["gzip"] + b"rest"),
    ],
)
async def test_corrupt_encoding(behind, encoding, body):
    """Cut short, or something else altogether: 400, and the provider hears nothing."""
    running, upstream = await behind(answers())
    answer = await running.request("POST", PATH, body, content_encoding=encoding)
    assert (answer.status, answer.json()["error"]["code"]) == (400, "invalid_encoding")
    assert upstream.requests == []


async def test_unknown_encoding(behind):
    """415, with what would be understood."""
    running, upstream = await behind(answers())
    answer = await running.request("POST", PATH, BODY, content_encoding="snappy")
    assert answer.status == 415
    assert "snappy" in answer.json()["error"]["message"]
    assert "zstd" in answer.json()["error"]["message"]
    assert upstream.requests == []


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "zstd", "gzip, gzip"])
async def test_decompression_bomb(provider, gateway, encoding):
    """The bound holds for what comes out, not only for what came in."""
    upstream = await provider(answers())
    running = await gateway({**proxied(upstream.url), "max_body": "1MiB"})
    bomb = b'{"model":"m","x":"' + b"0" * (20 * MEGABYTE) + b'"}'
    pack = {"gzip": gzip.compress, "deflate": zlib.compress, "br": lambda b: brotli.compress(b, quality=1)}
    pack |= {"zstd": zstd.compress, "gzip, gzip": lambda b: gzip.compress(gzip.compress(b))}
    body = pack[encoding](bomb)
    assert len(body) < MEGABYTE
    answer = await running.request("POST", PATH, body, content_encoding=encoding)
    assert (answer.status, answer.json()["error"]["code"]) == (413, "request_too_large")
    assert upstream.requests == []


async def test_too_large(provider, gateway):
    """Larger than max_body, by its length or as it arrives; what is just as large passes."""
    upstream = await provider(answers())
    running = await gateway({**proxied(upstream.url), "max_body": 100})
    fits = b'{"model":"m","messages":[],"x":"%b"}'
    fits = fits % (b"a" * (102 - len(fits)))
    assert len(fits) == 100
    assert (await running.request("POST", PATH, fits)).status == 200
    assert (await running.request("POST", PATH, fits + b" ")).status == 413
    client = await running.connect()
    head = b"POST %b HTTP/1.1\r\nhost: x.localhost\r\ncontent-type: application/json\r\n" % PATH.encode()
    await client.send(head + b"transfer-encoding: chunked\r\n\r\n" + b"32\r\n%b\r\n" % (b" " * 50) * 3)
    answer = await client.answer()
    assert (answer.status, answer.json()["error"]["code"]) == (413, "request_too_large")
    assert len(upstream.requests) == 1


@pytest.mark.parametrize("body", [b"{", b"", b"[]", b'"text"', b'{"model": "\xff"}', b'{"model":1}x', b"[" * 100_000])
async def test_broken_json(behind, body):
    """400 in OpenAI's shape, with a request id; the provider hears nothing."""
    running, upstream = await behind(answers(), modelMapping={"a": "b"})
    answer = await running.request("POST", PATH, body)
    assert answer.status == 400
    error = answer.json()["error"]
    assert error.keys() == {"message", "type", "param", "code"}
    assert (error["type"], error["code"]) == ("invalid_request_error", "invalid_body")
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["x-request-id"] == answer.headers["x-aigw-request-id"]
    assert upstream.requests == []


@pytest.mark.parametrize(
    ("status", "kind", "send"),
    [
        (400, "invalid_request_error", {"body": b"{", "path": "/v1/messages"}),
        (413, "request_too_large", {"body": b" " * 2000, "path": "/v1/messages"}),
        (403, "permission_error", {"body": b"{}", "path": "/v1/messages", "host": "evil.example"}),
        (415, "invalid_request_error", {"body": b"{}", "path": "/v1/messages", "content_encoding": "snappy"}),
        (404, "not_found_error", {"body": b"{}", "path": "/v2/other", "anthropic_version": "2023-06-01"}),
    ],
)
async def test_anthropic_shape(provider, gateway, status, kind, send):
    """Whoever calls Anthropic's API, or says so, gets Anthropic's errors and request-id."""
    upstream = await provider(answers())
    routes = [{"name": "llm", "match": {"path": "/v1/*"}}]
    running = await gateway({**proxied(upstream.url), "max_body": 1000, "routes": routes})
    body, path, *_ = send.pop("body"), send.pop("path")
    answer = await running.request("POST", path, body, **send)
    assert answer.status == status
    shown = answer.json()
    assert shown.keys() == {"type", "error", "request_id"}
    assert (shown["type"], shown["error"]["type"]) == ("error", kind)
    assert shown["error"]["message"]
    assert shown["request_id"] == answer.headers["request-id"]
    assert upstream.requests == []


async def test_expect_continue(behind):
    """100-continue is answered at once, before the body, and is not sent on."""
    running, upstream = await behind(answers())
    client = await running.connect()
    request = encode("POST", PATH, BODY, expect="100-continue")
    await client.send(request[: -len(BODY)])
    assert (await client.head())[0] == 100
    await client.send(BODY)
    assert (await client.answer()).status == 200
    assert "expect" not in upstream.requests[0].headers
    again = await client.request("POST", PATH, BODY)
    assert again.status == 200


@pytest.mark.parametrize(
    ("status", "headers"), [(413, {"content_length": str(2**40)}), (403, {"host": "evil.example"})]
)
async def test_expect_is_refused_without_continue(behind, status, headers):
    """What will be refused is refused before its body is asked for."""
    running, _ = await behind(answers())
    client = await running.connect()
    await client.send(encode("POST", PATH, b"", expect="100-continue", **{"content_length": "10", **headers}))
    answer = await client.answer()
    assert answer.status == status
    assert json.loads(answer.body)["error"]["message"]
