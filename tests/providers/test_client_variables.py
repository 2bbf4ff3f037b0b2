"""aigw/providers/client_variables.py: wherever a program looks for its provider, it finds the gateway."""

import subprocess
import sys

import pytest

from aigw.providers.client_variables import client_variables

HERE = "http://127.0.0.1:4711"


def test_the_usual_names():
    found = client_variables(HERE, {})
    assert found["OPENAI_BASE_URL"] == found["OPENAI_API_BASE"] == found["DEEPSEEK_BASE_URL"] == f"{HERE}/v1"
    assert found["ANTHROPIC_BASE_URL"] == found["GOOGLE_GEMINI_BASE_URL"] == found["AIGW_URL"] == HERE
    assert {name for name, value in found.items() if value == "unused"} == {
        "OPENAI_API_KEY",
        "ANTHROPIC_API_KEY",
        "GEMINI_API_KEY",
    }


@pytest.mark.parametrize(
    ("name", "given", "expected"),
    [
        ("OPENAI_API_HOST", "https://llm.example.com", HERE),
        ("OPENAI_API_URL", "https://llm.example.com/v1/chat/completions", f"{HERE}/v1/chat/completions"),
        ("KIMI_BASE_URL", "https://llm.example.com/v1", f"{HERE}/v1"),
        ("GOOGLE_GENAI_BASE_URL", "https://llm.example.com", HERE),
    ],
)
def test_no_variable_leads_around(name, given, expected):
    assert name not in client_variables(HERE, {})
    assert client_variables(HERE, {name: given})[name] == expected


def test_real_keys_stay_unless_they_are_hidden():
    env = {"OPENAI_API_KEY": "sk-1", "DEEPSEEK_API_KEY": "sk-2", "GOOGLE_API_KEY": "g", "ANTHROPIC_AUTH_TOKEN": "a"}
    assert not client_variables(HERE, env).keys() & env.keys()
    hidden = client_variables(HERE, env, hides_keys=True)
    assert {name: hidden.get(name) for name in env} == {
        "OPENAI_API_KEY": "unused",
        "DEEPSEEK_API_KEY": "unused",
        "GOOGLE_API_KEY": None,
        "ANTHROPIC_AUTH_TOKEN": "unused",
    }
    assert not hidden.keys() & {"ANTHROPIC_API_KEY", "GEMINI_API_KEY"}


def test_the_keys_of_other_vendors():
    assert client_variables(HERE, {}, vendors=["deepseek"])["DEEPSEEK_API_KEY"] == "unused"


def test_no_proxy_stands_between():
    found = client_variables(HERE, {"NO_PROXY": "intern.example.com, localhost"})
    assert found["NO_PROXY"] == found["no_proxy"] == "intern.example.com,localhost,127.0.0.1"


CLIENT = """
import openai
print(openai.chat.completions._client.base_url)
"""


@pytest.mark.parametrize(
    ("env", "expected"),
    [
        ({}, f"{HERE}/v1/"),
        (
            {"AZURE_OPENAI_ENDPOINT": "https://x.openai.azure.com", "OPENAI_API_VERSION": "2024-10-21"},
            f"{HERE}/openai/",
        ),
        ({"AZURE_OPENAI_API_KEY": "k", "OPENAI_API_VERSION": "2024-10-21"}, f"{HERE}/openai/"),
    ],
    ids=["OpenAI", "Azure", "Azure's key alone"],
)
def test_the_sdk_knows_whether_it_is_azure(env, expected):
    """It refuses to begin if it finds variables of both."""
    whole = {**env, **client_variables(HERE, env)}
    done = subprocess.run([sys.executable, "-c", CLIENT], env=whole, capture_output=True, text=True)
    assert done.stdout.strip() == expected, done.stderr
