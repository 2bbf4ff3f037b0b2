"""Forms (audio, edited images) through the whole gateway: kept, so that they can be sent again, and routed and mapped by
their model; all other bytes stay."""

import asyncio
import gzip

import pytest
from stage.answers import answers, error_body
from stage.gateway import serve, until

HEARD = b'{"text": "hello"}'
KIND = "multipart/form-data; boundary=a-json-form"
AUDIO = "/v1/audio/transcriptions"
PATHS = (AUDIO, "/v1/audio/translations", "/v1/images/edits", "/v1/images/variations", "/v1/videos")
FILE = ('name="file"; filename="a.mp3"\r\ncontent-type: audio/mpeg', bytes(range(256)) * 20)


def form(*parts):
    heads = [
        f"--a-json-form\r\ncontent-disposition: form-data; {head}\r\n\r\n".encode() + value for head, value in parts
    ]
    return b"\r\n".join([*heads, b"--a-json-form--\r\n"])


def named(model, *, behind=False):
    parts = [('name="model"', model.encode()), FILE]
    return form(*(reversed(parts) if behind else parts))


def two(one, other, **more):
    providers = [
        {"id": "a", "type": "openai", "apiTokens": ["sk-a"], "openaiCustomUrl": f"{one.url}/v1"},
        {"id": "b", "type": "openai", "apiTokens": ["sk-b"], "openaiCustomUrl": f"{other.url}/v1"},
    ]
    return {"plugins": {"ai-proxy": {"providers": providers, "activeProviderId": "a", **more}}}


async def reset(peer):
    await peer.body()
    raise ConnectionError


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    "bad", [answers(error_body(), 503), answers(error_body(), 429), reset], ids=["503", "429", "reset"]
)
async def test_it_falls_back_whole(provider, gateway, path, bad):
    one, other = await provider(bad), await provider(answers(HEARD))
    running = await gateway(two(one, other, fallback=["b"]))
    answer = await running.request("POST", path, named("whisper-1"), content_type=KIND)
    assert (answer.status, answer.json()) == (200, {"text": "hello"})
    assert [request.body for request in one.requests + other.requests] == [named("whisper-1")] * 2


@pytest.mark.parametrize("kind", [KIND, "audio/wav", "application/octet-stream"])
async def test_it_is_tried_with_another_token(provider, gateway, kind):
    upstream = await provider(answers(error_body(), 429), answers(HEARD))
    retry = {"retryOnFailure": {"enabled": True, "retryOnStatus": ["429"]}}
    token = {"type": "openai", "apiTokens": ["sk-1", "sk-2"], "openaiCustomUrl": f"{upstream.url}/v1", **retry}
    running = await gateway({"plugins": {"ai-proxy": {"provider": token}}})
    assert (await running.request("POST", AUDIO, named("m"), content_type=kind)).status == 200
    assert {request.headers["authorization"] for request in upstream.requests} == {"Bearer sk-1", "Bearer sk-2"}
    assert [request.body for request in upstream.requests] == [named("m")] * 2


@pytest.mark.parametrize("behind", [False, True])
@pytest.mark.parametrize("limit", ["16MiB", 1000])
async def test_its_model_chooses_the_provider_and_is_mapped(provider, gateway, behind, limit):
    one, other = await provider(answers(HEARD)), await provider(answers(HEARD))
    config = {**two(one, other, byModel={"whisper-*": "b"}), "max_kept_upload": limit}
    config["plugins"]["ai-proxy"]["providers"][1]["modelMapping"] = {"whisper-1": "whisper-large"}
    running = await gateway(config)
    answer = await running.request("POST", AUDIO, named("whisper-1", behind=behind), content_type=KIND)
    assert (answer.status, one.requests) == (200, [])
    assert other.requests[0].body == named("whisper-large", behind=behind)
    assert other.requests[0].headers["authorization"] == "Bearer sk-b"


@pytest.mark.parametrize(
    ("head", "model"),
    [
        ("\r\n name=model", "whisper-1"),
        ("name*=utf-8''m%6Fdel", "whisper-1"),
        ('filename="; name=\\"no\\""; NAME="mo\\del"\r\nContent-Type: text/plain', "whisper-1"),
        ('name="model"', "whisper-1\n"),
        ('name="model"', " whisper-1 \r\n"),
    ],
)
async def test_any_notation_of_the_model_is_read_and_only_the_model_is_written(provider, gateway, head, model):
    one, other = await provider(answers(HEARD)), await provider(answers(HEARD))
    config = two(one, other, byModel={"whisper-1": "b"})
    config["plugins"]["ai-proxy"]["providers"][1]["modelMapping"] = {"whisper-1": "large"}
    running = await gateway(config)
    body = form(FILE, (head, model.encode()), FILE)
    assert (await running.request("POST", AUDIO, body, content_type=KIND)).status == 200
    assert [request.body for request in other.requests] == [form(FILE, (head, b"large"), FILE)]
    assert one.requests == []


async def test_a_form_without_a_model_gets_the_default(provider, gateway):
    upstream = await provider(answers(HEARD))
    row = {"type": "openai", "apiTokens": ["k"], "openaiCustomUrl": f"{upstream.url}/v1", "modelMapping": {"*": "big"}}
    running = await gateway({"plugins": {"ai-proxy": {"provider": row}}})
    await running.request("POST", AUDIO, form(FILE), content_type=KIND)
    assert upstream.requests[0].body.lower() == form(('name="model"', b"big"), FILE).lower()


async def test_a_deployment_in_the_path_is_that_of_the_form(provider, gateway):
    upstream = await provider(answers(HEARD))
    row = {
        "type": "azure", "apiTokens": ["k"], "azureServiceUrl": f"{upstream.url}?api-version=1",
        "modelMapping": {"whisper-1": "our-whisper"},
    }  # fmt: skip
    running = await gateway({"plugins": {"ai-proxy": {"provider": row}}})
    await running.request("POST", AUDIO, named("whisper-1"), content_type=KIND)
    assert upstream.requests[0].target.startswith("/openai/deployments/our-whisper/audio/transcriptions?")


async def test_model_router_and_model_mapper_need_no_paths(provider, gateway):
    upstream = await provider(answers(HEARD))
    config = two(upstream, upstream)
    config["plugins"] |= {
        "model-router": {"addProviderHeader": "x-provider", "modelToHeader": "x-model"},
        "model-mapper": {"modelMapping": {"whisper-1": "large"}},
    }
    running = await gateway(config)
    for path in PATHS:
        await running.request("POST", path, named("openai/whisper-1", behind=True), content_type=KIND)
    for request in upstream.requests:
        assert request.body == named("large", behind=True)
        assert (request.headers["x-provider"], request.headers["x-model"]) == ("openai", "openai/whisper-1")


async def test_two_models_are_refused(provider, gateway):
    """The provider might take the other one than those who decide by it here."""
    upstream = await provider(answers(HEARD))
    running = await gateway(two(upstream, upstream))
    body = form(('name="model"', b"cheap"), FILE, ('name="model"', b"dear"))
    answer = await running.request("POST", AUDIO, body, content_type=KIND)
    assert (answer.status, upstream.requests) == (400, [])
    assert "the form has the field model 2 times" in answer.json()["error"]["message"]


async def test_a_coded_form_is_decoded(provider, gateway):
    upstream = await provider(answers(HEARD))
    running = await gateway(two(upstream, upstream))
    body = gzip.compress(named("m"))
    await running.request("POST", AUDIO, body, content_type=KIND, content_encoding="gzip")
    await running.request("POST", AUDIO, body, content_type="audio/wav", content_encoding="gzip")
    assert [request.body for request in upstream.requests] == [named("m"), body]
    assert [request.headers.get("content-encoding") for request in upstream.requests] == [None, "gzip"]


async def test_its_row_has_the_mapped_model_where_the_answer_names_none(provider):
    upstream = await provider(answers(HEARD))
    config = two(upstream, upstream)
    config["plugins"]["ai-proxy"]["providers"][0]["modelMapping"] = {"*": "large"}
    async with serve(config, keeps=True) as running:
        for limit in range(2):
            await running.request("POST", AUDIO, named("whisper-1", behind=bool(limit)), content_type=KIND)
        await until(lambda: len(running.rows) == 2)
        assert {(row.asked, row.model) for row in running.rows} == {("whisper-1", "large")}


@pytest.mark.parametrize("framing", ["length", "chunked"])
async def test_a_larger_one_streams_and_is_sent_once(provider, gateway, framing):
    """The provider has its beginning, with the mapped model, before the client has sent its end."""
    begun = asyncio.Event()

    async def hears(peer):
        pieces = [await anext(got := peer.pieces())]
        begun.set()
        peer.request.body = pieces[0] + b"".join([piece async for piece in got])
        await peer.answer(error_body(), 503)

    one, other = await provider(hears), await provider(answers(HEARD))
    config = {**two(one, other, fallback=["b"]), "max_kept_upload": 2000}
    config["plugins"]["ai-proxy"]["providers"][0]["modelMapping"] = {"whisper-1": "large"}
    running = await gateway(config)
    body, sent = named("large"), named("whisper-1")
    client = await running.connect()
    framed = f"content-length: {len(sent)}" if framing == "length" else "transfer-encoding: chunked"
    parts = [sent[:3000], sent[3000:]]
    if framing == "chunked":
        parts = [b"%x\r\n%b\r\n" % (len(part), part) for part in parts]
        parts[1] += b"0\r\n\r\n"
    head = f"POST {AUDIO} HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: {KIND}\r\n{framed}\r\n\r\n"
    await client.send(head.encode() + parts[0])
    await asyncio.wait_for(begun.wait(), 5)
    await client.send(parts[1])
    answer = await client.answer()
    assert (answer.status, other.requests) == (503, [])
    assert one.requests[0].body == body
