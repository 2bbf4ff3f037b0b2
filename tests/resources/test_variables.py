"""Secrets become references, and nothing else does."""

from hypothesis import given
from hypothesis import strategies as st

from aigw.config.environment import expand
from aigw.resources.variables import Variables, in_cluster, in_file, literal, references_in

PROXY = ("plugins", "ai-proxy")


def hidden(value, path=PROXY, **options):
    variables = Variables(in_file, literal, **options)
    return variables.hide(value, path), variables


def test_the_key_of_a_provider_has_the_name_that_people_use():
    value, variables = hidden({"provider": {"type": "qwen", "apiTokens": ["k1", "k2", "k1"]}})
    assert value["provider"]["apiTokens"] == ["${DASHSCOPE_API_KEY}", "${DASHSCOPE_API_KEY_2}", "${DASHSCOPE_API_KEY}"]
    assert variables.values == {"DASHSCOPE_API_KEY": "k1", "DASHSCOPE_API_KEY_2": "k2"}
    assert variables.places["DASHSCOPE_API_KEY_2"] == (*PROXY, "provider", "apiTokens", 1)


def test_other_names_say_whose_it_is():
    value, variables = hidden({"consumers": [{"name": "ann", "credential": 1234567}]}, ("plugins", "key-auth"))
    assert value == {"consumers": [{"name": "ann", "credential": "${KEY_AUTH_ANN_CREDENTIAL}"}]}
    assert variables.values == {"KEY_AUTH_ANN_CREDENTIAL": "1234567"}
    value, _ = hidden({"redis": {"password": "p"}}, ("plugins", "ai-cache"))
    assert value == {"redis": {"password": "${AI_CACHE_REDIS_PASSWORD}"}}
    value, _ = hidden({"x-9": "redis://user:pass@host:1/2"}, ("services",))
    assert value["x-9"].startswith("${")


def test_a_key_in_a_text_is_a_secret_too():
    key = "sk-" + "a1b2c3d4" * 4
    value, variables = hidden({"content": f"use {key} for ${{HOME}}"})
    (name,) = variables.values
    assert value == {"content": f"use ${{{name}}} for $${{HOME}}"}


def test_what_is_no_secret_stays():
    plain = {"max_tokens": 10, "token_per_minute": 100, "key": "0.0.0.0/0", "enabled": True, "password": "", "a": None}
    assert hidden(plain, ("plugins", "ai-token-ratelimit"))[0] == plain


def test_secrets_of_the_cluster():
    text = "Bearer ${secret.aigw.MY_KEY}, ${secret.ns/auth.pass-word}"
    value, variables = hidden({"text": text})
    assert value == {"text": "Bearer ${MY_KEY}, ${AUTH_PASS_WORD}"}
    assert variables.references == {"MY_KEY": "aigw.MY_KEY", "AUTH_PASS_WORD": "ns/auth.pass-word"}
    assert hidden({"text": text}, keep_references=True)[0] == {"text": text}
    assert references_in([{"a": text}, "x"]) == {"MY_KEY"}


def test_a_wary_reader_hides_a_text_in_which_a_secret_may_be():
    value = {"higress.io/request-header-control-add": "Authorization Bearer abcdef123", "other": "plain words"}
    found, _ = hidden(value, ("x-higress",), wary=True)
    assert found["higress.io/request-header-control-add"].startswith("${")
    assert found["other"] == "plain words"
    assert hidden(value, ("x-higress",))[0] == value


def test_names_that_are_taken():
    provider = {"type": "openai", "apiTokens": ["k1"]}
    assert hidden(provider, taken={"OPENAI_API_KEY"})[0]["apiTokens"] == ["${OPENAI_API_KEY_2}"]
    _, first = hidden(provider)
    assert Variables(in_cluster, beside=first).hide(provider, PROXY)["apiTokens"] == [in_cluster("OPENAI_API_KEY")]
    other = {"type": "openai", "apiTokens": ["k2"]}
    assert Variables(in_cluster, beside=first).hide(other, PROXY)["apiTokens"] == [in_cluster("OPENAI_API_KEY_2")]


@given(st.text(alphabet="${}AB:-x \\", max_size=30))
def test_a_literal_text_is_read_as_it_is(text):
    assert expand(literal(text), {}).text == text
