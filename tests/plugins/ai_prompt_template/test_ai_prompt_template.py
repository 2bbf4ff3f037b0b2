"""ai-prompt-template in `safe`; the cases T* of tests/conformance say what Higress does."""

import asyncio
import json

import pytest
from fakes import answer_json, chat
from world import configured, spin, world

from aigw.core.errors import ConfigError
from aigw.plugins.ai_prompt_template.plugin import MOST_NAMES, listed

DEVELOPER = {
    "model": "gpt-3.5-turbo",
    "messages": [
        {"role": "system", "content": "You are a {{program}} expert, in {{language}} programming language."},
        {"role": "user", "content": "Write me a {{program}} program."},
    ],
}
TEMPLATES = {
    "templates": [{"name": "developer-chat", "template": DEVELOPER}, {"name": "plain", "template": {"model": "m"}}]
}
VALUES = {"program": "quick sort", "language": "python"}


def asking(template="developer-chat", properties=VALUES, **more):
    return {"template": template, **({} if properties is ... else {"properties": properties}), **more}


async def sent(body, config=TEMPLATES, **how):
    async with world({"ai-prompt-template": config}) as it:
        await it.ask(body, **how)
    return it.upstream


async def refused(body, config=TEMPLATES):
    async with world({"ai-prompt-template": config}) as it:
        error = await it.refused(body)
    return error.status, error.code, error.message


def of_one(template):
    return {"templates": [{"name": "t", "template": template}]}


async def test_it_is_filled():
    assert (await sent(asking())).json() == {
        "model": "gpt-3.5-turbo",
        "messages": [
            {"role": "system", "content": "You are a quick sort expert, in python programming language."},
            {"role": "user", "content": "Write me a quick sort program."},
        ],
    }


async def test_values_are_escaped():
    value = 'a"b\\c\n{{language}} \ud83d'
    got = (await sent(asking(properties={"program": value, "language": 3}))).json()
    assert got["messages"][1]["content"] == f"Write me a {value} program."
    assert got["messages"][0]["content"] == f"You are a {value} expert, in 3 programming language."


async def test_the_clients_other_fields_are_kept_and_win():
    template = {"model": "m", "temperature": 1, "prompt": "{{x}}", "stop": ["a"]}
    body = b'{"stream":true,"template":"t","temperature":0.10,"properties":{"x":1},"user":"me"}'
    upstream = await sent(chat(body), of_one(template))
    assert upstream.last.body == b'{"model":"m","temperature":0.10,"prompt":"1","stop":["a"],"stream":true,"user":"me"}'


async def test_the_prompt_and_the_model_are_those_of_the_template():
    got = (await sent(asking(model="gpt-4", messages=[{"role": "user", "content": "dummy"}]))).json()
    assert got["model"] == "gpt-3.5-turbo"
    assert [turn["role"] for turn in got["messages"]] == ["system", "user"]
    assert (await sent(asking("plain", model="gpt-4", messages=[]))).json() == {"model": "m", "messages": []}


async def test_the_model_of_the_template_is_what_was_asked_for():
    async with world({"ai-prompt-template": TEMPLATES}) as it:
        for body in (asking(), asking(model="any")):
            assert (await it.ask(body)).exchange.named == "gpt-3.5-turbo"


async def test_a_burst_does_not_slip_through_a_limit_before_the_prompt_is_known():
    limit = {
        "rule_name": "r",
        "global_threshold": {"token_per_minute": 1500},
        "redis": {"service_name": "redis.static"},
    }
    plugins = {"ai-token-ratelimit": limit, "ai-prompt-template": TEMPLATES}
    async with world(
        plugins, answer_json({"usage": {"prompt_tokens": 9, "completion_tokens": 9, "total_tokens": 18}})
    ) as it:
        gate = it.gate()
        calls = [asyncio.ensure_future(it.status(asking(), end=gate)) for _ in range(5)]
        await gate.arrived(1)
        await spin()
        inside = gate.inside
        gate.open()
        assert inside < 5
        assert sorted(await asyncio.gather(*calls))[-1] == 429


@pytest.mark.parametrize("properties", [..., None, {}, {"extra": 1}])
async def test_a_template_without_placeholders_needs_no_properties(properties):
    assert (await sent(asking("plain", properties))).json() == {"model": "m"}


@pytest.mark.parametrize(
    ("body", "code", "told"),
    [
        (asking("developer-chatt"), "unknown_template", "there is no template 'developer-chatt'; did you mean 'developer-chat'?"),
        (asking("x"), "unknown_template", "there is no template 'x'; known: developer-chat, plain"),
        (asking(properties=...), "missing_property", "needs program, language; missing: program, language"),
        (asking(properties=None), "missing_property", "missing: program, language"),
        (
            asking(properties={"program": "p", "lang": "l"}),
            "missing_property",
            "the template 'developer-chat' needs program, language; missing: language; not in the template: lang",
        ),
        (asking(properties=["p"]), "invalid_properties", "`properties` must be an object with program, language"),
        (asking(3), "invalid_template", "`template` must be the name of a template"),
    ],
)  # fmt: skip
async def test_what_is_wrong_is_told(body, code, told):
    status, got, message = await refused(body)
    assert (status, got) == (400, code)
    assert told in message


async def test_an_unknown_template_lists_the_known_ones_also_behind_a_guess():
    assert (await refused(asking("developer-chatt")))[2].endswith("known: developer-chat, plain")
    assert (await refused(asking("x"), {"templates": []}))[2].endswith("known: none")


@pytest.mark.parametrize("body", [{"messages": []}, {"template": 3}, {"template": {"a": 1}, "messages": []}])
async def test_other_requests_keep_their_bytes(body):
    raw = json.dumps(body, indent=1).encode()
    assert (await sent(chat(raw))).last.body == raw


@pytest.mark.parametrize(("value", "on"), [("false", False), ("true", True), ("no", True), ("False", True)])
async def test_the_header_switches_it_off(value, on):
    got = (await sent(asking(), template_enable=value)).json()
    assert ("template" not in got) == on


async def test_what_is_no_json_is_left_alone():
    assert (await sent(chat(b'{"template":'))).last.body == b'{"template":'
    request = chat(asking(), headers={"content-type": "text/plain"})
    assert (await sent(request)).json() == asking()


GEMINI = {
    "contents": [{"role": "user", "parts": [{"text": "{{x}}"}]}],
    "system_instruction": {"parts": [{"text": "S"}]},
}


@pytest.mark.parametrize(
    ("path", "template", "becomes"),
    [
        ("/v1/completions", {"model": "m", "prompt": "Say {{x}}"}, {"model": "m", "prompt": 'Say "'}),
        (
            "/v1/messages",
            {"model": "m", "max_tokens": "{{n}}", "system": "S {{x}}", "messages": [{"role": "user", "content": "{{x}}"}]},
            {"model": "m", "max_tokens": 7, "system": 'S "', "messages": [{"role": "user", "content": '"'}]},
        ),
        (
            "/v1/responses",
            {"model": "m", "instructions": "I {{x}}", "input": "{{x}}"},
            {"model": "m", "instructions": 'I "', "input": '"'},
        ),
        (
            "/v1beta/models/gemini-pro:generateContent",
            GEMINI,
            {"contents": [{"role": "user", "parts": [{"text": '"'}]}], "system_instruction": {"parts": [{"text": "S"}]}},
        ),
    ],
)  # fmt: skip
async def test_each_api_has_its_own_templates(path, template, becomes):
    body = asking("t", {"x": '"', "n": 7})
    assert (await sent(body, of_one(template), path=path)).json() == becomes


SYSTEM, QUESTION = "You are a quick sort expert, in python programming language.", "Write me a quick sort program."


@pytest.mark.parametrize(
    ("path", "becomes"),
    [
        ("/v1/messages", {"system": SYSTEM, "messages": [{"role": "user", "content": QUESTION}]}),
        ("/v1/messages/count_tokens", {"system": SYSTEM, "messages": [{"role": "user", "content": QUESTION}]}),
        ("/v1/responses", {"instructions": SYSTEM, "input": [{"type": "message", "role": "user", "content": QUESTION}]}),
        ("/v1/completions", {"prompt": f"{SYSTEM}\n\n{QUESTION}"}),
        (
            "/v1beta/models/m:streamGenerateContent",
            {"systemInstruction": {"parts": [{"text": SYSTEM}]}, "contents": [{"role": "user", "parts": [{"text": QUESTION}]}]},
        ),
    ],
)  # fmt: skip
async def test_a_template_for_chats_is_for_clients_of_every_api(path, becomes):
    upstream = await sent(asking(), path=path)
    in_path = "streamGenerate" in path
    assert upstream.json() == {**becomes, **({} if in_path else {"model": "gpt-3.5-turbo"})}
    assert ("gpt-3.5-turbo" in upstream.last.path) == in_path


async def test_what_is_more_than_text_needs_a_template_of_its_own():
    body = asking("t")
    messages = [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "{{x}}"}}]}]
    async with world({"ai-prompt-template": of_one({"messages": messages})}) as it:
        error = await it.refused(asking("t", {"x": "1"}), path="/v1/responses")
        assert (error.status, "write one for this API" in error.message) == (400, True)
        assert await it.status(body | {"properties": {"x": "1"}}) == 200


@pytest.mark.parametrize(
    ("path", "becomes", "kept"),
    [
        ("/v1beta/models/other:generateContent", "/v1beta/models/gemini%2Fpro:generateContent", False),
        ("/openai/deployments/other/chat/completions", "/openai/deployments/gemini%2Fpro/chat/completions", True),
    ],
)
async def test_a_model_goes_where_the_api_has_it(path, becomes, kept):
    upstream = await sent(asking("t"), of_one({"model": "gemini/pro", **GEMINI, "contents": []}), path=path)
    assert (upstream.last.path.removeprefix("/v1/").lstrip("/"), "model" in upstream.json()) == (
        becomes.lstrip("/"),
        kept,
    )


async def test_geminis_two_spellings_are_one_field():
    body = asking("t", {"x": "1"}, systemInstruction={"parts": []}, generationConfig={"temperature": 0})
    got = (await sent(body, of_one(GEMINI), path="/v1beta/models/m:generateContent")).json()
    assert got.keys() == {"contents", "system_instruction", "generationConfig"}


@pytest.mark.parametrize(
    ("config", "told"),
    [
        ([{"name": "a", "template": {}}, {"name": "a", "template": {}}], "templates[1].name: there is a template 'a' already"),
        ([{"name": "a", "template": "Hello {{x}}"}], "templates[0].template: is not an object"),
        ([{"name": "", "template": {}}], "templates[0].name"),
        ([{"name": "a"}], "templates[0]"),
        ([{"name": "a", "template": {"model": 7}}], "templates[0].template.model: must be the name of a model"),
    ],
)  # fmt: skip
def test_a_wrong_configuration(config, told):
    with pytest.raises(ConfigError, match="ai-prompt-template") as caught:
        configured({"ai-prompt-template": {"templates": config}})
    assert told in str(caught.value)


async def test_higress_takes_a_template_that_is_a_text():
    async with world({"ai-prompt-template": of_one("Hello {{x}}")}, fidelity="higress") as it:
        await it.ask(asking("t", {"x": "you"}))
    assert it.sent.body == b'"Hello you"'


def test_an_empty_configuration_is_noted():
    (note,) = configured({"ai-prompt-template": {}}).notes
    assert "templates: is empty" in note


def test_long_lists_are_cut():
    names = [f"name-{number}" for number in range(MOST_NAMES + 2)]
    assert listed(names).endswith(f"name-{MOST_NAMES - 1} and 2 more")
