"""Names of the configuration are listed where a request for them is answered, in each shape, and once."""

import json

import pytest
from ai_proxy_world import once
from fakes import answer_json
from multidict import CIMultiDict

from aigw.core.model import Request

LISTS = {
    "openai": ("/v1/models", {}, {"object": "list", "data": [{"id": "gpt-x", "object": "model", "created": 1, "owned_by": "o"}]}),
    "anthropic": ("/v1/models", {"anthropic-version": "1"}, {"data": [{"type": "model", "id": "gpt-x"}], "has_more": False}),
    "gemini": ("/v1beta/models", {}, {"models": [{"name": "models/gpt-x", "inputTokenLimit": 7}]}),
}  # fmt: skip
NAMED = {
    "type": "openai",
    "apiTokens": ["k"],
    "modelMapping": {"fast": "gpt-x", "gpt-*": "y", "~b": "c", "": "z", "*": "d"},
}


async def got(config, path="/v1/models", headers=(), *answers):
    request = Request("GET", path, "", CIMultiDict(headers))
    upstream, reply, received = await once(config, request, *answers)
    return json.loads(received), reply, upstream


def ids(body):
    return [each.get("id") or each["name"].removeprefix("models/") for each in body.get("data") or body.get("models")]


@pytest.mark.parametrize("shape", LISTS)
@pytest.mark.parametrize("told", LISTS)
async def test_the_list_of_a_provider_has_them_first(shape, told):
    path, headers, _ = LISTS[shape]
    body, *_ = await got({"provider": NAMED}, path, headers, answer_json(LISTS[told][2]))
    assert ids(body) == ["fast", "gpt-x"]
    assert ("models" in body, body.get("first_id")) == (shape == "gemini", "fast" if shape == "anthropic" else None)


async def test_one_that_the_provider_has_is_there_once_and_as_it_came():
    told = {**LISTS["openai"][2], "more": 1}
    provider = NAMED | {"modelMapping": {"gpt-x": "gpt-y"}}
    assert (await got({"provider": provider}, "/v1/models", (), answer_json(told)))[0] == told


async def test_a_part_of_a_list_is_not_the_place():
    told = {"data": [{"type": "model", "id": "a"}], "has_more": True, "first_id": "a", "last_id": "a"}
    body, *_ = await got({"provider": NAMED}, "/v1/models", {"anthropic-version": "1"}, answer_json(told))
    assert body == told


async def test_a_provider_without_a_list_has_names_all_the_same():
    bedrock = {"type": "bedrock", "apiTokens": ["k"], "awsRegion": "r", "modelMapping": {"haiku": "anthropic.claude"}}
    body, _, upstream = await got({"provider": bedrock})
    assert (ids(body), upstream.sent) == (["haiku"], [])
    with pytest.raises(Exception, match="does not offer"):
        await got({"provider": bedrock | {"modelMapping": {"*": "x"}}})


@pytest.mark.parametrize(("path", "headers", "name"), [
    ("/v1/models/fast", {}, "id"), ("/v1beta/models/fast", {}, "name"), ("/v1/models/fast", {"anthropic-version": "1"}, "id"),
])  # fmt: skip
async def test_one_of_them_is_told_here_as_its_provider_does_not_know_it(path, headers, name):
    body, reply, upstream = await got({"provider": NAMED}, path, headers)
    assert (body[name].removeprefix("models/"), reply.status, upstream.sent) == ("fast", 200, [])
    body, *_ = await got({"provider": NAMED}, "/v1/models/gpt-x", (), answer_json(LISTS["openai"][2]["data"][0]))
    assert body["id"] == "gpt-x"


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({"byModel": {"claude*": "c", "mine": "c"}}, ["fast", "mine", "gpt-x"]),
        ({"byModel": {"fast": "c"}}, ["fast", "gpt-x"]),
        ({"activeProviderId": "c"}, ["slow", "gpt-x"]),
        ({"weights": {"o": 1, "c": 1}}, ["fast", "slow", "gpt-x"]),
    ],
)
async def test_only_what_is_reached_is_listed(more, expected):
    claude = {"type": "claude", "id": "c", "apiTokens": ["k"], "modelMapping": {"slow": "claude-x"}}
    config = {"providers": [NAMED | {"id": "o"}, claude], "activeProviderId": "o", **more}
    told = answer_json(LISTS["openai"][2])
    assert ids((await got(config, "/v1/models", (), told, told))[0]) == expected


async def test_a_provider_that_fails_is_left_out_with_its_names():
    """One that has no list does not fail."""
    bedrock = {
        "type": "bedrock",
        "id": "b",
        "apiTokens": ["k"],
        "awsRegion": "r",
        "modelMapping": {"haiku": "anthropic.x"},
    }
    providers = {"providers": [NAMED | {"id": "o"}, bedrock], "activeProviderId": "o"}
    config = {**providers, "byModel": {"fast": "o", "haiku": "b"}}
    assert ids((await got(config, "/v1/models", (), answer_json({}, 500)))[0]) == ["haiku"]
    with pytest.raises(Exception, match="no provider lists"):
        await got(providers | {"byModel": {"other": "o"}}, "/v1/models", (), answer_json({}, 500))


async def test_higress_lists_what_the_provider_does():
    told = LISTS["openai"][2]
    request = Request("GET", "/v1/models", "", CIMultiDict())
    _, _, received = await once({"provider": NAMED}, request, answer_json(told), fidelity="higress")
    assert json.loads(received) == told
