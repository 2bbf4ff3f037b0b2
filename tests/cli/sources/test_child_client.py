"""What a known client is started with: what it needs, what the user has set, and what of that would lead elsewhere."""

import json

import pytest

from aigw.cli.sources.child_client import child_client
from aigw.cli.sources.private_gateway import PrivateGateway
from aigw.config.load import load
from aigw.providers.client_variables import client_variables

URL = "http://127.0.0.1:4999"


def started(*command, asks=(), key="", hides=False, provider=None, **given):
    """The command and the environment of a child, and what the user is told."""
    given = {"HOME": "/nowhere", **given}
    variables = client_variables(URL, given, hides_keys=hides)
    plugins = {"ai-proxy": {"provider": provider}} if provider else {}
    loaded = load(None, {}, text=json.dumps({"plugins": plugins}).encode())
    gateway = PrivateGateway(URL, variables, None, [], frozenset(asks), key, loaded)
    with child_client(command, given, gateway) as child:
        return child


def test_any_other_command_stays_as_it_is():
    child = started("pytest", "codex", "-c", "model_provider=x", CLAUDE_CODE_USE_BEDROCK="1")
    assert child.command == ["pytest", "codex", "-c", "model_provider=x"]
    assert child.env["CLAUDE_CODE_USE_BEDROCK"] == "1"
    assert "AIGW_KEY" not in child.env
    assert child.notes == []


def test_claude_has_one_key():
    """With a second one in its environment it asks which to use."""
    child = started("/usr/bin/claude", "-p", "Hi")
    assert child.command == ["/usr/bin/claude", "-p", "Hi"]
    assert child.env["ANTHROPIC_BASE_URL"] == URL
    assert child.env["ANTHROPIC_AUTH_TOKEN"] == "unused"
    assert child.env["CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC"] == "1"
    assert "ANTHROPIC_API_KEY" not in child.env


def test_nobody_answers_a_client_where_only_built_in_models_are():
    """What it shows of our 404 does not say what to do."""
    echo, mapped = {"type": "builtin"}, {"type": "builtin", "modelMapping": {"*": "echo"}}
    (note,) = started("claude", provider=echo).notes
    assert note == (
        "only the built-in models answer here, and Claude Code names others: set the key of a provider, choose a "
        "recipe (claude-code-anywhere), or let one answer them all: --model echo"
    )
    assert started("claude", provider=mapped).notes == []
    assert started("claude", provider={"type": "openai", "apiTokens": ["k"]}).notes == []
    assert started("pytest", provider=echo).notes == []


def test_what_the_user_has_set_stays():
    child = started("claude", ANTHROPIC_API_KEY="sk-own", CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC="0")
    assert child.env["ANTHROPIC_API_KEY"] == "sk-own"
    assert child.env["CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC"] == "0"
    assert "ANTHROPIC_AUTH_TOKEN" not in child.env
    assert (
        started("claude", ANTHROPIC_AUTH_TOKEN="t", asks=["authorization"], key="k").env["ANTHROPIC_AUTH_TOKEN"] == "t"
    )
    assert child.notes == []


def test_an_address_of_the_user_does_not_count():
    assert started("claude", ANTHROPIC_BASE_URL="https://elsewhere").env["ANTHROPIC_BASE_URL"] == URL
    assert started("gemini", GOOGLE_GEMINI_BASE_URL="https://e").env["GOOGLE_GEMINI_BASE_URL"] == URL


def test_a_replay_shows_no_real_key():
    child = started("claude", ANTHROPIC_AUTH_TOKEN="sk-own", ANTHROPIC_API_KEY="sk-2", hides=True)
    assert (child.env["ANTHROPIC_AUTH_TOKEN"], child.env["ANTHROPIC_API_KEY"]) == ("unused", "unused")


@pytest.mark.parametrize(
    ("program", "variable"), [("claude", "CLAUDE_CODE_USE_VERTEX"), ("gemini", "GOOGLE_GENAI_USE_VERTEXAI")]
)
def test_what_leads_past_the_gateway_is_left_out(program, variable):
    child = started(program, **{variable: "true"})
    assert variable not in child.env
    assert child.notes[0].startswith(f"{variable} is left out: the calls of ")
    assert started(program, **{variable: "0"}).notes == []


def test_the_key_of_a_gateway_that_asks_for_one():
    child = started("claude", asks=["authorization"], key="sk-ann", ANTHROPIC_API_KEY="sk-own")
    assert (child.env["ANTHROPIC_AUTH_TOKEN"], child.notes) == ("sk-ann", [])
    assert started("codex", asks=["authorization"], key="sk-ann").env["AIGW_KEY"] == "sk-ann"
    (note,) = started("codex", asks=["authorization"]).notes
    assert note == "the gateway asks for a key, and nobody has told Codex one: set AIGW_KEY"


CODEX = [
    "-c",
    "model_provider=aigw",
    "-c",
    f'model_providers.aigw={{name="aigw",base_url="{URL}/v1",wire_api="responses",env_key="AIGW_KEY"}}',
]


@pytest.mark.parametrize(
    ("command", "before", "behind"),
    [
        (["codex"], ["codex"], []),
        (["codex.exe", "exec", "Hi"], ["codex.exe"], ["exec", "Hi"]),
        (["npx", "-y", "@openai/codex@latest", "exec"], ["npx", "-y", "@openai/codex@latest"], ["exec"]),
        (["npx", "@openai/codex", "Hi"], ["npx", "@openai/codex"], ["Hi"]),
    ],
)
def test_codex_gets_a_provider_in_front_of_its_own_arguments(command, before, behind):
    child = started(*command)
    assert child.command == [*before, *CODEX, *behind]
    assert (child.env["AIGW_KEY"], child.notes) == ("unused", [])


def test_a_key_that_is_sent_where_nobody_looks_for_it():
    (note,) = started("gemini", asks=["authorization"], key="sk-ann").notes
    assert note == (
        "Gemini CLI sends its key in x-goog-api-key, and key-auth looks for it in authorization: add it to `keys`"
    )
    assert started("gemini", asks=["authorization", "x-goog-api-key"], key="sk-ann").notes == []


def test_copilot_gets_a_model_unless_the_user_has_chosen_one():
    provider = {"type": "openai", "apiTokens": ["k"], "modelMapping": {"*": "gpt-5.2"}}
    child = started("copilot", "-p", "Hi", provider=provider, COPILOT_PROVIDER_TYPE="anthropic")
    assert child.env["COPILOT_PROVIDER_BASE_URL"] == f"{URL}/v1"
    assert child.env["COPILOT_PROVIDER_API_KEY"] == "unused"
    assert child.env["COPILOT_MODEL"]
    assert "COPILOT_PROVIDER_TYPE" not in child.env
    assert started("copilot", COPILOT_MODEL="mine").env["COPILOT_MODEL"] == "mine"


def test_qwen_code_signs_in_with_a_key_whatever_its_settings_say():
    child = started("npx", "@qwen-code/qwen-code", "Hi")
    assert child.command[2:] == ["--auth-type", "openai", "--openai-base-url", f"{URL}/v1", "Hi"]
