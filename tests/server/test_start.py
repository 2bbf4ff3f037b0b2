"""A start without a configuration file."""

import json

import pytest
from fakes import Answer, FakeUpstream, answer_json

from aigw.config.load import load
from aigw.core.errors import ConfigError, UpstreamError, UpstreamFault
from aigw.providers.environment import ENV_PROVIDERS
from aigw.providers.ollama import ollama_address
from aigw.server.protection import check_address
from aigw.server.start import Overrides, describe, load_found, load_or_discover, ollama_models

NOBODY = Answer(error=UpstreamError(UpstreamFault.CONNECT, "refused"))


async def start(env, answer=NOBODY, listen=None):
    return await load_or_discover(None, env, FakeUpstream(answer), Overrides(listen=listen))


async def test_a_machine_with_nothing_has_the_builtin_models():
    loaded, origin = await start({})
    text = describe(loaded, "http://127.0.0.1:4700", origin)
    assert "builtin" in text
    assert '"model":"echo"' in text


async def test_keys_in_the_environment_bring_their_providers_and_are_never_shown():
    env = {"DEEPSEEK_API_KEY": "sk-secret-1", "OPENAI_API_KEY": "sk-${x}-$$-secret"}
    loaded, origin = await start(env)
    (config,) = loaded.plugins["ai-proxy"].rules.configs
    tokens = {provider.id: provider.api_tokens for provider in config.providers}
    assert tokens == {"openai": ["sk-${x}-$$-secret"], "deepseek": ["sk-secret-1"], "builtin": []}
    assert config.active_provider_id == "openai"
    assert config.by_model["deepseek*"] == "deepseek"
    text = describe(loaded, "http://127.0.0.1:4700", origin)
    assert "openai, deepseek, builtin" in text
    assert "secret" not in text + repr(loaded)


@pytest.mark.parametrize(
    ("env", "note"),
    [
        ({"OPENAI_BASE_URL": "http://127.0.0.1:8000/v1"}, "OPENAI_BASE_URL is used without a key"),
        ({"OPENAI_BASE_URL": "https://llm.example.com/v1"}, "OPENAI_BASE_URL is not used: OPENAI_API_KEY is not set"),
    ],
)
async def test_a_base_url_without_a_key_is_told_in_one_line(env, note):
    (said,) = (await start(env))[0].notes
    assert said.startswith(note)
    assert load_found('{"plugins": {"ai-proxy": {"provider": {"type": "builtin"}}}}', env, Overrides()).notes == []


async def test_the_address_where_it_listens_is_no_provider():
    env = {"OPENAI_BASE_URL": "http://127.0.0.1:4800/v1"}
    assert (await start(env, listen="127.0.0.1:4800"))[0].notes == []
    assert len((await start(env))[0].notes) == 1


async def test_only_built_in_models_that_are_let_in_are_named():
    budget = {"ai-budget": {"budgets": [{"name": "run", "per": "run", "usd": 1}], "unknown_price": "refuse"}}
    plugins = {"plugins": budget | {"ai-proxy": {"provider": {"type": "builtin"}}}}
    prices = {"prices": {"mock": {"input": 1, "output": 1}}}
    shown = [
        describe(load(None, {}, text=json.dumps(each).encode()), "http://h", "x")
        for each in (plugins, plugins | prices)
    ]
    assert ["  models  " in text for text in shown] == [False, True]
    assert "mock: built in" in shown[1] and "echo" not in shown[1]


async def test_a_model_for_every_chat(tmp_path):
    file = tmp_path / "aigw.yaml"
    file.write_text("plugins: {ai-proxy: {provider: {type: openai, apiTokens: [k]}}}\n")
    for path in (None, file):
        loaded, origin = await load_or_discover(path, {}, FakeUpstream(NOBODY), Overrides(model="my-model"))
        (mapper,) = loaded.plugins["model-mapper"].rules.configs
        assert mapper.model_mapping == {"*": "my-model"}
        assert list(loaded.plugins)[-1] == "ai-proxy"
        assert '"model":"my-model"' in describe(loaded, "http://127.0.0.1:4700", origin)


async def test_it_fits_80_columns():
    env = dict.fromkeys((row.variable for row in ENV_PROVIDERS), "sk-1")
    loaded, origin = await start(env)
    said = describe(loaded, "http://127.0.0.1:4700", origin, workers=2)
    assert max(map(len, said.splitlines())) <= 80
    assert "echo, mock: built in" in said


def test_a_file_by_which_nothing_is_answered():
    told = "nothing is answered without the plugin ai-proxy"
    assert told in " ".join(describe(load(None, {}), "http://127.0.0.1:4700", "a file").split())
    routed = load(None, {}, text=b"routes: [{name: a, match: {path: /*}, upstream: 'http://h.io'}]")
    assert told not in describe(routed, "http://127.0.0.1:4700", "a file")


@pytest.mark.parametrize(
    ("plugin", "told"),
    [
        ("{}", "ai-proxy has no provider; write provider: {type: ...} under it"),
        (
            "{providers: [{type: builtin, id: a}, {type: builtin, id: b}]}",
            "ai-proxy has a, b, and activeProviderId names none; write activeProviderId: a",
        ),
    ],
)
def test_a_file_whose_providers_answer_nothing(plugin, told):
    loaded = load(None, {}, text=f"plugins: {{ai-proxy: {plugin}}}".encode())
    assert told in " ".join(describe(loaded, "http://127.0.0.1:4700", "a file").split())


async def test_a_running_ollama_serves_its_models():
    loaded, _ = await start({}, answer_json({"data": [{"id": "llama3:8b"}]}))
    (config,) = loaded.plugins["ai-proxy"].rules.configs
    assert config.by_model["llama3:8b"] == "ollama"


@pytest.mark.parametrize(
    "answer",
    [
        Answer(pieces=[b"<html>"]),
        answer_json([]),
        answer_json({"data": None}),
        NOBODY,
        Answer(pieces=[b"[" * 5000]),
        answer_json({"data": [{"id": {}}]}),
    ],
)
async def test_what_is_no_ollama_is_left_alone(answer):
    loaded, _ = await start({}, answer)
    (config,) = loaded.plugins["ai-proxy"].rules.configs
    assert [provider.id for provider in config.providers] == ["builtin"]


@pytest.mark.parametrize(
    "given, address",
    [
        ("", ("127.0.0.1", 11434)),
        ("0.0.0.0", ("127.0.0.1", 11434)),
        ("box:1", ("box", 1)),
        ("http://box:2/", ("box", 2)),
        (":1", ("127.0.0.1", 1)),
        ("[::1]:1", ("::1", 1)),
    ],
)
def test_ollama_host(given, address):
    assert ollama_address({"OLLAMA_HOST": given}) == address


@pytest.mark.parametrize("given", ["foo:bar", "[::", "box:99999", "http://[x/"])
async def test_an_ollama_host_that_is_none_is_ignored_with_a_note(given):
    loaded, _ = await start({"OLLAMA_HOST": given}, answer_json({"data": [{"id": "m"}]}))
    (config,) = loaded.plugins["ai-proxy"].rules.configs
    ollama = next(provider for provider in config.providers if provider.id == "ollama")
    assert (ollama.ollama_server_host, ollama.ollama_server_port) == ("127.0.0.1", 11434)
    assert len(loaded.notes) == 1 and "OLLAMA_HOST" in loaded.notes[0]


@pytest.mark.parametrize("answer", [Answer(pieces=[b"{", UpstreamError(UpstreamFault.RESET, "x")]), answer_json({})])
async def test_the_answer_of_ollama_is_closed(answer):
    upstream = FakeUpstream(answer)
    assert await ollama_models(("127.0.0.1", 1), upstream) is None
    assert upstream.bodies[0].closed == 1


async def test_listen_goes_before_the_file(tmp_path):
    file = tmp_path / "aigw.yaml"
    file.write_text("listen: 127.0.0.1:1\n")
    loaded, _ = await load_or_discover(file, {}, FakeUpstream(), Overrides(listen="127.0.0.1:2"))
    assert loaded.config.listen == "127.0.0.1:2"
    loaded, _ = await load_or_discover(file, {}, FakeUpstream(), Overrides(port=3))
    assert loaded.config.listen == "127.0.0.1:3"


def test_an_open_address_needs_keys_or_the_users_word():
    check_address("127.0.0.1", insecure=False, authenticated=False)
    check_address("0.0.0.0", insecure=True, authenticated=False)
    check_address("0.0.0.0", insecure=False, authenticated=True)
    with pytest.raises(ConfigError, match="--insecure"):
        check_address("0.0.0.0", insecure=False, authenticated=False)


async def test_a_blank_around_a_key_is_said_of_its_variable():
    (note,) = load_found(
        '{"plugins": {"ai-proxy": {"provider": {"type": "openai", "apiTokens": ["${K}"]}}}}', {"K": " k"}, Overrides()
    ).notes
    assert note.startswith("the value of K has blanks or line breaks around it")
