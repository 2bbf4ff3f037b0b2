"""A JSON object is one whatever the label of the request says, or whether it has one: providers read it, and so do model
mapping, routing, limits and the cache."""

import gzip
import json
import string

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from stage.answers import PATH, answers
from stage.gateway import proxied

LABELS = ("", "text/plain", "application/octet-stream", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x",
          "audio/wav", "application/xml; charset=utf-8", "text/plain; a=json")  # fmt: skip
ASK = {"model": "small", "messages": [{"role": "user", "content": "Hi"}], "max_tokens": 9}
BODY = json.dumps(ASK).encode()
JSON = "application/json"


@pytest.mark.parametrize("kind", LABELS)
@pytest.mark.parametrize("body", [BODY, b" \r\n" + BODY])
async def test_its_model_is_mapped(behind, kind, body):
    running, upstream = await behind(answers(), modelMapping={"small": "big"})
    assert (await running.request("POST", PATH, body, content_type=kind)).status == 200
    (request,) = upstream.requests
    assert json.loads(request.body) == {**ASK, "model": "big"}
    assert {name.lower(): value for name, value in request.headers.items()}["content-type"] == JSON


WORD = st.text(string.ascii_letters + string.digits + "-+.", min_size=1, max_size=12)


async def test_any_label(behind):
    running, upstream = await behind(answers(), modelMapping={"small": "big"})
    labels = []

    @settings(max_examples=60, database=None)
    @given(WORD, WORD, st.sampled_from(["", "; charset=utf-8", ';x="json"']))
    def draw(kind, subtype, parameter):
        labels.append(f"{kind}/{subtype}{parameter}")

    draw()
    client = await running.connect()
    for label in labels:
        assert (await client.request("POST", PATH, BODY, content_type=label)).status == 200, label
        assert json.loads(upstream.requests[-1].body)["model"] == "big", label


@pytest.mark.parametrize("kind", ["application/octet-stream", "text/plain"])
async def test_a_coded_one_is_read(behind, kind):
    running, upstream = await behind(answers(), modelMapping={"small": "big"})
    packed = gzip.compress(BODY)
    assert (await running.request("POST", PATH, packed, content_type=kind, content_encoding="gzip")).status == 200
    assert json.loads(upstream.requests[0].body)["model"] == "big"


async def test_a_large_one_is_read_whole(provider, gateway):
    upstream = await provider(answers())
    running = await gateway({**proxied(upstream.url, modelMapping={"small": "big"}), "max_kept_upload": 1000})
    large = json.dumps({"x": "y" * 100_000, **ASK}).encode()
    await running.request("POST", PATH, large, content_type="application/octet-stream")
    assert json.loads(upstream.requests[0].body)["model"] == "big"


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-be", "utf-32", "utf-32-be"])
async def test_one_that_a_provider_may_read_and_aigw_does_not_is_refused(behind, encoding):
    running, upstream = await behind(answers())
    answer = await running.request("POST", PATH, BODY.decode().encode(encoding), content_type="text/plain")
    assert (answer.status, answer.json()["error"]["code"], upstream.requests) == (400, "invalid_body", [])


async def test_names_that_occur_twice_are_refused(behind):
    running, upstream = await behind(answers())
    answer = await running.request("POST", PATH, b'{"model":"a","model":"b","messages":[]}', content_type="text/plain")
    assert (answer.status, upstream.requests) == (400, [])


@pytest.mark.parametrize("body", [b"\x00\x01", b"model=small", b"[1]", b"RIFF{}"])
async def test_what_is_none_keeps_its_label(behind, body):
    running, upstream = await behind(answers())
    await running.request("POST", PATH, body, content_type="application/octet-stream")
    (request,) = upstream.requests
    assert request.body == body
    assert {name.lower(): value for name, value in request.headers.items()}[
        "content-type"
    ] == "application/octet-stream"


async def test_higress_goes_by_the_label(provider, gateway):
    upstream = await provider(answers())
    config = proxied(upstream.url, modelMapping={"small": "big"})
    running = await gateway({**config, "fidelity": "higress"})
    await running.request("POST", PATH, BODY, content_type="text/plain")
    assert upstream.requests[0].body == BODY
