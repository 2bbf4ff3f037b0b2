"""The clients that people use, and what each one needs to come here: a row each, and nothing but data.

In every text `{url}` stands for the address of the gateway, `{base}` for the same with /v1, `{key}` for the key and
`{model}` for the name of a model. Variables with an address lead the client here; the others are conveniences, which
somebody may have set otherwise."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import NamedTuple

AUTHORIZATION, X_GOOG = "authorization", "x-goog-api-key"
_OF_VENDORS = {"ANTHROPIC_API_KEY": "{key}", "OPENAI_API_KEY": "{key}", "GEMINI_API_KEY": "{key}"}


class Client(NamedTuple):
    """A client. `variables` must be in the environment, and then `command` is typed. Instead of variables, `text` may
    stand in `file` or in a program. `note` is a further hint. `sends_key_in` is the header with the client's key.

    The other fields are for `aigw run`: `program` is the name of the client's command, `package` its npm package, and
    `arguments` are appended to the command. `keys` are the variables with its key; one that is set stays. `elsewhere`
    are variables that lead the client past the gateway. `recipe` puts another maker's model behind it."""

    name: str
    title: str
    variables: Mapping[str, str] = {}
    command: str = ""
    file: str = ""
    text: str = ""
    note: str = ""
    sends_key_in: str = AUTHORIZATION
    program: str = ""
    package: str = ""
    arguments: tuple[str, ...] = ()
    keys: tuple[str, ...] = ()
    elsewhere: tuple[str, ...] = ()
    recipe: str = ""


_CODEX = (
    "-c", "model_provider=aigw",
    "-c", 'model_providers.aigw={name="aigw",base_url="{base}",wire_api="responses",env_key="AIGW_KEY"}',
)  # fmt: skip

CLIENTS = (
    Client(
        "openai",
        "OpenAI's SDKs for Python and Node",
        variables={"OPENAI_BASE_URL": "{base}", "OPENAI_API_KEY": "{key}"},
    ),
    Client(
        "anthropic",
        "Anthropic's SDKs for Python and Node",
        variables={"ANTHROPIC_BASE_URL": "{url}", "ANTHROPIC_AUTH_TOKEN": "{key}"},
        note="the base URL has no /v1: the SDK adds it",
    ),
    Client(
        "claude-code",
        "Claude Code",
        variables={
            "ANTHROPIC_BASE_URL": "{url}",
            "ANTHROPIC_AUTH_TOKEN": "{key}",
            "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
        },
        command="claude",
        note="`aigw run -- claude` sets this for one run; recipe claude-code-anywhere puts another model behind it",
        program="claude",
        package="@anthropic-ai/claude-code",
        keys=("ANTHROPIC_AUTH_TOKEN", "ANTHROPIC_API_KEY"),
        elsewhere=("CLAUDE_CODE_USE_BEDROCK", "CLAUDE_CODE_USE_VERTEX", "CLAUDE_CODE_USE_FOUNDRY"),
        recipe="claude-code-anywhere",
    ),
    Client(
        "codex",
        "Codex",
        variables={"AIGW_KEY": "{key}"},
        command="codex",
        file="~/.codex/config.toml",
        text="""\
model_provider = "aigw"

[model_providers.aigw]
name = "aigw"
base_url = "{base}"
wire_api = "responses"
env_key = "AIGW_KEY"
""",
        note="`aigw run -- codex` sets this for one run, without the file; `model_provider` stands above all tables",
        program="codex",
        package="@openai/codex",
        arguments=_CODEX,
        keys=("AIGW_KEY",),
        recipe="codex-anywhere",
    ),
    Client(
        "gemini-cli",
        "Gemini CLI",
        variables={"GOOGLE_GEMINI_BASE_URL": "{url}", "GEMINI_API_KEY": "{key}"},
        command="gemini",
        file="~/.gemini/settings.json",
        text='{"security": {"auth": {"selectedType": "gemini-api-key"}}}\n',
        note="`aigw run -- gemini` sets this for one run, without the file",
        sends_key_in=X_GOOG,
        program="gemini",
        package="@google/gemini-cli",
        keys=("GEMINI_API_KEY",),
        elsewhere=("GOOGLE_GENAI_USE_VERTEXAI", "GOOGLE_GENAI_USE_GCA"),
    ),
    Client(
        "opencode",
        "OpenCode",
        variables=_OF_VENDORS,
        command="opencode",
        file="~/.config/opencode/opencode.json",
        text="""\
{"provider": {
  "anthropic": {"options": {"baseURL": "{base}"}},
  "openai": {"options": {"baseURL": "{base}"}},
  "google": {"options": {"baseURL": "{url}/v1beta", "apiKey": "{env:GEMINI_API_KEY}"}},
  "aigw": {
    "npm": "@ai-sdk/openai-compatible",
    "options": {"baseURL": "{base}", "apiKey": "{key}"},
    "models": {"{model}": {}}
  }
}}
""",
        note="`aigw run -- opencode` sets this for one run, without the file; further models go under `models`",
        program="opencode",
        package="opencode-ai",
        keys=tuple(_OF_VENDORS),
    ),
    Client(
        "pi",
        "pi",
        variables=_OF_VENDORS,
        command="pi --model aigw/{model}",
        file="~/.pi/agent/models.json",
        text="""\
{"providers": {
  "anthropic": {"baseUrl": "{url}"},
  "openai": {"baseUrl": "{base}"},
  "google": {"baseUrl": "{url}/v1beta"},
  "aigw": {"baseUrl": "{base}", "api": "openai-completions", "apiKey": "{key}", "models": [{"id": "{model}"}]}
}}
""",
        note="`aigw run -- pi` sets this for one run, without the file",
        program="pi",
        package="@mariozechner/pi-coding-agent",
        keys=tuple(_OF_VENDORS),
    ),
    Client(
        "qwen-code",
        "Qwen Code",
        variables={"OPENAI_BASE_URL": "{base}", "OPENAI_API_KEY": "{key}"},
        command="qwen --auth-type openai -m {model}",
        note="`aigw run -- qwen` sets this for one run",
        program="qwen",
        package="@qwen-code/qwen-code",
        arguments=("--auth-type", "openai", "--openai-base-url", "{base}"),
        keys=("OPENAI_API_KEY",),
    ),
    Client(
        "copilot",
        "GitHub Copilot CLI",
        variables={
            "COPILOT_PROVIDER_BASE_URL": "{base}",
            "COPILOT_PROVIDER_API_KEY": "{key}",
            "COPILOT_MODEL": "{model}",
        },
        command="copilot",
        note="`aigw run -- copilot` sets this for one run",
        program="copilot",
        package="@github/copilot",
        keys=("COPILOT_PROVIDER_API_KEY", "COPILOT_PROVIDER_BEARER_TOKEN"),
        elsewhere=("COPILOT_PROVIDER_TYPE",),
    ),
    Client(
        "cline",
        "Cline's CLI",
        command="cline",
        file="~/.cline/data/settings/providers.json",
        text="""\
{"version": 1, "lastUsedProvider": "openai-compatible", "modes": {}, "providers": {"openai-compatible": {
  "settings": {"provider": "openai-compatible", "baseUrl": "{base}", "apiKey": "{key}", "model": "{model}"},
  "updatedAt": "2026-12-01T00:00:00Z", "tokenSource": "manual"
}}}
""",
        note="`cline auth -p openai -b {base} -k {key} -m {model}` writes this, too",
    ),
    Client(
        "vibe",
        "Mistral Vibe",
        variables={"AIGW_KEY": "{key}"},
        command="vibe",
        file="~/.vibe/config.toml",
        text="""\
active_model = "aigw"

[[providers]]
name = "aigw"
api_base = "{base}"
api_key_env_var = "AIGW_KEY"
backend = "generic"

[[models]]
name = "{model}"
provider = "aigw"
alias = "aigw"
""",
        note="`active_model` stands above all tables",
    ),
    Client(
        "openclaw",
        "OpenClaw",
        command="openclaw agent --local --agent main -m 'Hello!'",
        file="~/.openclaw/openclaw.json",
        text="""\
{"models": {"providers": {"aigw": {
  "baseUrl": "{base}", "apiKey": "{key}", "api": "openai-completions",
  "models": [{"id": "{model}", "name": "{model}", "contextWindow": 128000, "maxTokens": 8192}]
}}},
"agents": {"defaults": {"model": {"primary": "aigw/{model}"}}}}
""",
    ),
    Client(
        "gptme",
        "gptme",
        variables={"OPENAI_BASE_URL": "{base}", "OPENAI_API_KEY": "{key}"},
        command="gptme -m local/{model}",
    ),
    Client(
        "google-genai",
        "Google's SDKs for Python and Node",
        variables={"GOOGLE_GEMINI_BASE_URL": "{url}", "GEMINI_API_KEY": "{key}"},
        sends_key_in=X_GOOG,
    ),
    Client(
        "aider",
        "aider",
        variables={"OPENAI_API_BASE": "{base}", "OPENAI_API_KEY": "{key}"},
        command="aider --model openai/{model}",
    ),
    Client(
        "llm",
        "llm of Simon Willison",
        command="llm keys set aigw --value {key} && llm -m aigw 'Hello!'",
        file="extra-openai-models.yaml beside the file that `llm logs path` names",
        text='- {model_id: aigw, model_name: "{model}", api_base: "{base}", api_key_name: aigw}\n',
    ),
    Client(
        "langchain",
        "LangChain",
        file="your program (pip install langchain-openai)",
        text="""\
from langchain_openai import ChatOpenAI

model = ChatOpenAI(model="{model}", base_url="{base}", api_key="{key}")
""",
    ),
    Client(
        "llamaindex",
        "LlamaIndex",
        file="your program (pip install llama-index-llms-openai-like)",
        text="""\
from llama_index.llms.openai_like import OpenAILike

model = OpenAILike(model="{model}", api_base="{base}", api_key="{key}", is_chat_model=True)
""",
    ),
    Client(
        "continue",
        "Continue",
        file="~/.continue/config.yaml",
        text="""\
name: aigw
version: 1.0.0
schema: v1
models:
  - name: "{model}"
    provider: openai
    model: "{model}"
    apiBase: "{base}"
    apiKey: "{key}"
""",
    ),
    Client(
        "open-webui",
        "Open WebUI",
        variables={"OPENAI_API_BASE_URL": "{base}", "OPENAI_API_KEY": "{key}"},
        command="open-webui serve",
        note="in Docker 127.0.0.1 is the container itself: start it with --network host",
    ),
    Client(
        "librechat",
        "LibreChat",
        file="librechat.yaml",
        text="""\
version: 1.2.1
endpoints:
  custom:
    - name: aigw
      baseURL: "{base}"
      apiKey: "{key}"
      models: {default: ["{model}"], fetch: true}
""",
        note="in Docker 127.0.0.1 is the container itself: start it with --network host",
    ),
    Client(
        "nextchat",
        "NextChat",
        variables={"BASE_URL": "{url}", "OPENAI_API_KEY": "{key}", "CUSTOM_MODELS": "+{model}"},
        note="these are for its server; in the browser: Settings, Custom Endpoint, {url}, any key, and the origin of "
        "its page under `cors:`, as in recipe nextchat",
    ),
    Client(
        "vercel-ai",
        "Vercel's AI SDK",
        file="your program (npm install ai @ai-sdk/openai-compatible)",
        text="""\
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";

const aigw = createOpenAICompatible({ name: "aigw", baseURL: "{base}", apiKey: "{key}" });
const model = aigw("{model}");
""",
    ),
    Client(
        "cursor",
        "Cursor",
        file="Settings, Models: OpenAI API Key, and Override OpenAI Base URL",
        text="{base}\n{key}\n",
        note="Cursor is reported to call this address from its own servers, which do not reach 127.0.0.1: it takes a "
        "tunnel with a public name (`hosts:`) and `key-auth`. Nobody has tried that here",
    ),
)


def misplaced(client: Client, places: Collection[str]) -> str:
    """Returns what to say if the gateway does not look for keys in the header that the client uses."""
    where = ", ".join(sorted(places))
    return (
        f"{client.title} sends its key in {client.sends_key_in}, and key-auth looks for it in {where}: add it to `keys`"
    )


def client_of(name: str) -> Client:
    """Finds a client by its name or by its command. Raises ValueError, with the names of all."""
    wanted = name.lower()
    found = next((each for each in CLIENTS if wanted in (each.name, each.program)), None)
    if found is not None:
        return found
    from difflib import get_close_matches

    names = [each.name for each in CLIENTS]
    close = get_close_matches(wanted, [*names, *(each.program for each in CLIENTS if each.program)], 1)
    hint = f"did you mean {close[0]!r}?" if close else f"there are {', '.join(names)}"
    raise ValueError(f"there is no client {name!r}; {hint}")
