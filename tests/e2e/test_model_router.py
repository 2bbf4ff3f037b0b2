"""Routes that are chosen by the model that a request names, through the whole gateway."""

import openai
import pytest
from stage.answers import MESSAGES, answers, completion, streams, text_events

TRANSCRIPT = b'{"text": "hello"}'


@pytest.fixture
def by_model(provider, gateway):
    """Two providers; `b/...` and the model b go to the second one, which knows it as B. Others find no route."""

    async def start(first=None, second=None, **router):
        one, two = await provider(first or answers()), await provider(second or answers(completion("from b")))
        config = {
            "services": {"one.dns": one.url, "two.dns": two.url},
            "plugins": {
                "model-router": {"modelToHeader": "x-model", **router},
                "ai-proxy": {"provider": {"type": "openai", "apiTokens": ["sk-provider"]}},
            },
            "routes": [
                {"name": "a", "match": {"headers": {"x-model": "a"}}, "upstream": "one.dns:80"},
                {
                    "name": "b",
                    "match": {"headers": {"x-model": "b"}},
                    "upstream": "two.dns:80",
                    "plugins": {"model-mapper": {"modelMapping": {"b": "B"}}},
                },
            ],
        }
        for name, upstream in (("a", one), ("b", two)):
            plugin = {
                "provider": {"type": "openai", "apiTokens": [f"sk-{name}"], "openaiCustomUrl": f"{upstream.url}/v1"}
            }
            route = next(route for route in config["routes"] if route["name"] == name)
            route["plugins"] = {**route.get("plugins", {}), "ai-proxy": plugin}
        return await gateway(config), one, two

    return start


async def test_the_model_chooses_the_route(by_model):
    running, one, two = await by_model()
    client = running.sdk()
    for model in ("b", "a", "b"):
        await client.chat.completions.create(model=model, messages=MESSAGES)
    assert [request.json()["model"] for request in one.requests] == ["a"]
    assert [request.json()["model"] for request in two.requests] == ["B", "B"]
    assert two.requests[0].headers["authorization"] == "Bearer sk-b"
    assert two.requests[0].headers["x-higress-llm-model-final"] == "B"


async def test_streams_too(by_model):
    running, _, two = await by_model(second=streams(*text_events("Hi")))
    stream = await running.sdk().chat.completions.create(model="b", messages=MESSAGES, stream=True)
    texts = [event.choices[0].delta.content async for event in stream]
    assert "".join(text or "" for text in texts) == "Hi"
    assert two.requests[0].json()["model"] == "B"


async def test_a_model_without_a_route(by_model):
    running, one, two = await by_model()
    with pytest.raises(openai.NotFoundError) as caught:
        await running.sdk().chat.completions.create(model="c", messages=MESSAGES)
    assert caught.value.code == "unknown_url"
    assert one.requests == two.requests == []


async def test_a_form_names_its_model_behind_its_file(by_model):
    """openai-node sends the file first."""
    running, _, two = await by_model(second=answers(TRANSCRIPT), enableOnPathSuffix=["/transcriptions"])
    boundary = "xyz"
    body = (
        b'--xyz\r\ncontent-disposition: form-data; name="file"; filename="a.wav"\r\n\r\n' + bytes(200_000) + b"\r\n"
        b'--xyz\r\ncontent-disposition: form-data; name="model"\r\n\r\nb\r\n--xyz--\r\n'
    )
    kind = f"multipart/form-data; boundary={boundary}"
    answer = await running.request("POST", "/v1/audio/transcriptions", body, content_type=kind)
    assert (answer.status, answer.json()) == (200, {"text": "hello"})
    assert two.requests[0].body == body.replace(b"\r\nb\r\n", b"\r\nB\r\n")
