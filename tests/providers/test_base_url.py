"""Base URLs of the environment: a key goes where the URL beside it says, under the paths that SDKs use there."""

import json

import pytest

from aigw.config.automatic import automatic, keyless, unused
from aigw.config.load import load
from aigw.config.services import parse_listen
from aigw.dialects import apis
from aigw.plugins.ai_proxy import Config
from aigw.providers.base_url import ANY_KEY, SUFFIXES, keys_for, variable_of, variables_of
from aigw.providers.endpoint import locate
from aigw.providers.environment import ENV_PROVIDERS
from aigw.providers.lookup import lookup
from aigw.providers.provider import split_domain

ROWS = {row.type: row for row in ENV_PROVIDERS}
HERE = "127.0.0.1:4700"


def keys(type_, url, listen=HERE):
    row = ROWS[type_]
    return keys_for(row, {row.variable.replace("_API_KEY", "_BASE_URL"): url}, parse_listen(listen))


@pytest.mark.parametrize("row", ENV_PROVIDERS)
@pytest.mark.parametrize("suffix", SUFFIXES)
def test_every_vendor_has_its_variable(row, suffix):
    name = row.variable.replace("_API_KEY", suffix)
    assert variable_of(row, {name: "https://x"}, parse_listen(HERE)) == name
    assert variable_of(row, {name: " \n", "OTHER_BASE_URL": "x"}, parse_listen(HERE)) == ""


def test_every_name_is_that_of_one_vendor():
    names = [name for row in ENV_PROVIDERS for name in variables_of(row)]
    assert len(names) == len(set(names))


@pytest.mark.parametrize(
    ("type_", "name"),
    [
        ("openai", "OPENAI_API_HOST"), ("openai", "OPENAI_HOST"), ("openai", "OPENAI_PROXY_URL"),
        ("claude", "ANTHROPIC_API_HOST"), ("claude", "ANTHROPIC_URL"), ("claude", "CLAUDE_BASE_URL"),
        ("gemini", "GOOGLE_GEMINI_BASE_URL"), ("gemini", "GEMINI_API_BASE"), ("gemini", "GOOGLE_URL"),
        ("qwen", "DASHSCOPE_HTTP_BASE_URL"), ("qwen", "QWEN_PROXY_URL"), ("deepseek", "DEEPSEEK_API_BASE"),
        ("mistral", "MISTRAL_SERVER_URL"), ("groq", "GROQ_BASE_URL"), ("grok", "XAI_API_HOST"),
        ("openrouter", "OR_API_BASE"), ("together-ai", "TOGETHERAI_API_BASE"), ("fireworks", "FIREWORKS_AI_API_BASE"),
        ("zhipuai", "ZAI_API_BASE"), ("doubao", "VOLCENGINE_API_BASE"), ("moonshot", "MOONSHOT_API_BASE"),
    ],
)  # fmt: skip
def test_what_sdks_and_tools_read_keeps_a_key_from_the_public_host(type_, name):
    row = ROWS[type_]
    found = keys_for(row, {name: "https://llm.corp"}, parse_listen(HERE))
    assert (found.get("providerDomain") or found["openaiCustomUrl"]).removeprefix("https://").startswith("llm.corp")


@pytest.mark.parametrize(
    ("given", "url"),
    [
        ("llm.corp", "https://llm.corp/v1"), ("llm.corp:8443", "https://llm.corp:8443/v1"),
        ("http://llm.corp/", "http://llm.corp/v1"), ("https://llm.corp/v1", "https://llm.corp/v1"),
        ("https://llm.corp/proxy", "https://llm.corp/proxy/v1"),
    ],
)  # fmt: skip
def test_tools_add_the_version_to_a_host(given, url):
    assert keys_for(ROWS["openai"], {"OPENAI_API_HOST": given}, parse_listen(HERE)) == {"openaiCustomUrl": url}
    found = keys_for(ROWS["deepseek"], {"DEEPSEEK_API_HOST": given}, parse_listen(HERE))
    assert found["providerDomain"].removeprefix("http://") == url.split("/")[2]


def test_the_end_of_a_full_address_is_left_out():
    full = {"OPENAI_API_ENDPOINT": "https://llm.corp/v1/chat/completions"}
    assert keys_for(ROWS["openai"], full, parse_listen(HERE)) == {"openaiCustomUrl": "https://llm.corp/v1"}
    full = {"ANTHROPIC_API_URL": "https://llm.corp/v1/messages"}
    assert keys_for(ROWS["claude"], full, parse_listen(HERE)) == {"providerDomain": "llm.corp"}


def test_another_variable_counts_where_the_first_one_is_this_gateway():
    env = {"OPENAI_BASE_URL": f"http://{HERE}/v1", "OPENAI_API_HOST": "llm.corp"}
    assert keys_for(ROWS["openai"], env, parse_listen(HERE)) == {"openaiCustomUrl": "https://llm.corp/v1"}


@pytest.mark.parametrize(
    ("azure", "why"),
    [
        ({"AZURE_OPENAI_ENDPOINT": "https://r.openai.azure.com"}, "AZURE_OPENAI_ENDPOINT"),
        ({"OPENAI_API_TYPE": "azure"}, "OPENAI_API_TYPE"),
        ({"AZURE_OPENAI_ENDPOINT": "https://r.openai.azure.com", "AZURE_OPENAI_API_KEY": "az"}, ""),
        ({"AZURE_OPENAI_ENDPOINT": "https://r.openai.azure.com", "OPENAI_BASE_URL": "https://api.openai.com/v1"}, ""),
    ],
)
def test_a_key_that_may_be_azures_never_goes_to_openai(azure, why):
    env = {"OPENAI_API_KEY": "sk", **azure}
    first = automatic(env, None, ())["ai-proxy"]["providers"][0]["type"]
    assert first == ("builtin" if why else "openai")
    remedy = "OPENAI_BASE_URL=https://api.openai.com/v1 says otherwise"
    assert unused(env) == ([f"OPENAI_API_KEY is not used: {why} says that it is Azure's; {remedy}"] if why else [])
    assert unused(azure | {"OPENAI_BASE_URL": ""}) == []


@pytest.mark.parametrize("row", ENV_PROVIDERS)
@pytest.mark.parametrize(
    "url", ["https://llm.corp", "http://llm.corp:8080/v1", "https://10.1.2.3/a/b/", "http://[fd00::1]:80/v1"]
)
def test_a_key_never_goes_to_the_public_host(row, url):
    env = {row.variable: "sk", row.variable.replace("_API_KEY", "_BASE_URL"): url}
    loaded = load(None, env, text=json.dumps({"plugins": automatic(env, None, ())}).encode())
    config = loaded.plugins["ai-proxy"].rules.default
    assert isinstance(config, Config)
    provider = config.providers[0]
    assert (provider.type, provider.api_tokens) == (row.type, ["sk"])
    host = (provider.provider_domain or provider.openai_custom_url).removeprefix("http://").removeprefix("https://")
    assert host.startswith(url.partition("://")[2].partition("/")[0])
    assert (provider.provider_domain or provider.openai_custom_url).startswith("http://") == url.startswith("http://")


def chat_or_messages(paths):
    return paths.get(apis.CHAT) or paths[apis.MESSAGES]


@pytest.mark.parametrize(
    ("url", "base"),
    [
        ("https://c/google", "/google"), ("https://c/google/v1beta", "/google"), ("https://c", None),
        ("https://c/v1beta/openai/", None),
    ],
)  # fmt: skip
def test_gemini_has_its_own_paths_below_a_base_url(url, base):
    made = keys("gemini", url)
    assert (made["providerDomain"], made.get("providerBasePath"), made.get("capabilities")) == ("c", base, None)


def chat_path(type_, url):
    made = {"id": "", "type": type_, "qwenEnableCompatible": True, **keys(type_, url)}
    return made.get("providerBasePath", "") + chat_or_messages(locate(lookup(type_), made).paths)


@pytest.mark.parametrize(
    ("type_", "url", "path"),
    [
        ("openai", "https://c/v1", "/v1/chat/completions"),
        ("openai", "https://c/x/openai", "/x/openai/chat/completions"),
        ("claude", "https://c", "/v1/messages"),
        ("claude", "https://c/anthropic", "/anthropic/v1/messages"),
        ("claude", "https://c/anthropic/v1/", "/anthropic/v1/messages"),
        ("qwen", "https://c/compatible-mode/v1", "/compatible-mode/v1/chat/completions"),
        ("qwen", "https://c/api/v1", "/compatible-mode/v1/chat/completions"),
        ("qwen", "https://c/llm/v1", "/llm/v1/chat/completions"),
        ("deepseek", "https://c", "/v1/chat/completions"),
        ("deepseek", "https://c/ds/v1", "/ds/v1/chat/completions"),
        ("deepseek", "https://c/ds", "/ds/chat/completions"),
        ("groq", "https://c/groq", "/groq/openai/v1/chat/completions"),
        ("groq", "https://c/openai/v1", "/openai/v1/chat/completions"),
        ("zhipuai", "https://c/z/v4", "/z/v4/chat/completions"),
    ],
)
def test_paths_are_those_of_the_sdks(type_, url, path):
    assert chat_path(type_, url) == path


@pytest.mark.parametrize(
    "url", ["http://localhost:4700/v1", "http://127.0.0.1:4700", "http://[::1]:4700/v1", "http://0.0.0.0:4700"]
)
@pytest.mark.parametrize("type_", ["openai", "claude"])
def test_this_gateway_is_no_base_url(type_, url):
    assert keys(type_, url) == {}
    assert keys(type_, url, listen="127.0.0.1:4800") != {}
    assert keys(type_, url.replace("4700", "80"), listen=":80") == {}


@pytest.mark.parametrize("url", ["llm.corp/v1", "ftp://x", "https://", "https://x:99999/v1", "${URL}"])
def test_a_key_beside_a_wrong_url_is_not_used(url):
    env = {"OPENAI_API_KEY": "sk", "OPENAI_BASE_URL": url}
    assert [each["id"] for each in automatic(env, None, ())["ai-proxy"]["providers"]] == ["builtin"]
    (said,) = unused(env)
    assert said == "OPENAI_API_KEY is not used: OPENAI_BASE_URL is not a URL such as https://llm.example.com/v1"
    (said,) = unused({"OPENAI_BASE_URL": url})
    assert said == "OPENAI_BASE_URL is not used: it is not a URL such as https://llm.example.com/v1"


def without_key(row, url):
    """What a start makes of a base URL alone: the provider's keys, and what is said."""
    env = {row.variable.replace("_API_KEY", "_BASE_URL"): url}
    plugins = automatic(env, None, ())
    load(None, env, text=json.dumps({"plugins": plugins}).encode())
    first = plugins["ai-proxy"]["providers"][0]
    return first if first["type"] == row.type else None, unused(env), keyless(env)


OWN = [
    "http://127.0.0.1:8000/v1", "http://localhost:1234/v1", "http://[::1]:8000", "http://192.168.1.7:8000/v1",
    "https://10.0.0.1", "http://vllm:8000/v1", "http://gpu.local:11434/v1", "http://host.docker.internal:1234/v1",
]  # fmt: skip


@pytest.mark.parametrize("url", OWN)
@pytest.mark.parametrize("row", ENV_PROVIDERS)
def test_a_server_of_ones_own_needs_no_key(row, url):
    """vLLM, LM Studio, Ollama: it is served, and one line says that there is no key."""
    found, wrong, said = without_key(row, url)
    assert found["apiTokens"] == [ANY_KEY]
    variable = row.variable.replace("_API_KEY", "_BASE_URL")
    assert (wrong, said) == ([], [f"{variable} is used without a key: {row.variable} is not set"])


@pytest.mark.parametrize("url", ["https://llm.example.com/v1", "http://8.8.8.8/v1", "https://[2606:4700::1111]"])
@pytest.mark.parametrize("row", ENV_PROVIDERS)
def test_another_one_without_a_key_is_not_used_and_one_line_says_so(row, url):
    found, wrong, said = without_key(row, url)
    variable = row.variable.replace("_API_KEY", "_BASE_URL")
    assert (found, said) == (None, [])
    assert wrong == [f"{variable} is not used: {row.variable} is not set; any text will do where no key is needed"]


def test_the_address_of_this_gateway_is_that_of_its_clients():
    assert without_key(ROWS["openai"], "http://127.0.0.1:4700/v1") == (None, [], [])


def test_a_domain_may_have_a_scheme():
    assert split_domain("http://a:1", "https") == ("http", "a:1")
    assert split_domain("a:1", "https") == ("https", "a:1")
