"""Agents of the command line: Claude Code, Codex, gemini-cli, aider and llm."""

from __future__ import annotations

import contextlib
import json
import re
import subprocess
from pathlib import Path
from typing import Any, ClassVar

from tests.clients.real.client import WORD, Client, Command, Place, Ran, Task
from tests.clients.real.installing import node, with_npm, with_pip


class ClaudeCode(Client):
    """Sends a stream first, and the same request without one where that broke off."""

    name = "claude-code"
    vendors = ("kimi", "groq", "gemini", "openai", "vertex claude")
    native = "anthropic"
    package: ClassVar[dict[str, str]] = {"@anthropic-ai/claude-code": "2.1.197"}

    def install(self, folder: Path) -> None:
        with_npm(folder, self.package)
        script = folder / "node_modules" / "@anthropic-ai" / "claude-code" / "install.cjs"
        subprocess.run([node(), str(script)], cwd=script.parent, capture_output=True, timeout=120, check=False)

    def call(self, place: Place) -> str:
        return f"call Read {json.dumps({'file_path': str(place.file)})}"

    def command(self, task: Task, prompt: str, place: Place) -> Command:
        argv = [
            str(place.software / "node_modules" / ".bin" / "claude"), "-p", prompt,
            "--allowedTools", "Read", "--output-format", "json",
        ]  # fmt: skip
        return Command(argv, {
            "ANTHROPIC_BASE_URL": place.url, "ANTHROPIC_AUTH_TOKEN": "sk-client", "ANTHROPIC_MODEL": "claude-sonnet-4-5",
            "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1", "CLAUDE_CODE_MAX_RETRIES": "0",
        })  # fmt: skip

    def answer(self, ran: Ran) -> str:
        return str(_last_json(ran.out).get("result", ran.out))

    def failed(self, ran: Ran) -> bool:
        return ran.code != 0 or _last_json(ran.out).get("is_error") is not False


class Codex(Client):
    name = "codex"
    vendors = ("deepseek", "anthropic", "gemini", "dashscope")
    native = "openai"
    model: ClassVar[str] = "gpt-5.5"

    def install(self, folder: Path) -> None:
        with_npm(folder, {"@openai/codex": "0.171.0"})

    def prepare(self, place: Place) -> None:
        folder = place.home / ".codex"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "config.toml").write_text(
            f'model = "{self.model}"\nmodel_provider = "aigw"\n\n[model_providers.aigw]\nname = "aigw"\n'
            f'base_url = "{place.url}/v1"\nenv_key = "AIGW_KEY"\nwire_api = "responses"\n'
            "request_max_retries = 0\nstream_max_retries = 0\n"
        )

    def call(self, place: Place) -> str:
        return f"call exec_command {json.dumps({'cmd': f'cat {place.file}'})}"

    def command(self, task: Task, prompt: str, place: Place) -> Command:
        codex = str(place.software / "node_modules" / ".bin" / "codex")
        argv = [codex, "exec", "--skip-git-repo-check", "--dangerously-bypass-approvals-and-sandbox", "--json", prompt]
        return Command(argv, {"AIGW_KEY": "sk-client"})

    def answer(self, ran: Ran) -> str:
        items = [event["item"] for event in _json_lines(ran.out) if event.get("type") == "item.completed"]
        return "\n".join(item.get("text", "") for item in items if item.get("type") == "agent_message")

    def failed(self, ran: Ran) -> bool:
        return ran.code != 0 or any(event.get("type") == "turn.failed" for event in _json_lines(ran.out))


class CodexCodeMode(Codex):
    """A model whose tools stand in the input, and of which one takes a program."""

    name = "codex-code-mode"
    software = "codex"
    model = "gpt-6.2-sol"

    def call(self, place: Place) -> str:
        program = f'const r = await tools.exec_command({{cmd: "cat {place.file}"}}); text(JSON.stringify(r));'
        return f"call exec {json.dumps(program)}"


class GeminiCLI(Client):
    """Repeats a stream that was cut."""

    name = "gemini-cli"
    vendors = ("deepseek", "anthropic", "openai")
    native = "gemini"
    seconds = 120

    def install(self, folder: Path) -> None:
        with_npm(folder, {"@google/gemini-cli": "0.61.0"})

    def prepare(self, place: Place) -> None:
        folder = place.home / ".gemini"
        folder.mkdir(parents=True, exist_ok=True)
        settings = {
            "security": {"auth": {"selectedType": "gemini-api-key"}},
            "privacy": {"usageStatisticsEnabled": False},
            "general": {"disableAutoUpdate": True, "maxAttempts": 1},
        }
        (folder / "settings.json").write_text(json.dumps(settings))

    def call(self, place: Place) -> str:
        return f"call read_file {json.dumps({'file_path': str(place.file)})}"

    def command(self, task: Task, prompt: str, place: Place) -> Command:
        gemini = str(place.software / "node_modules" / ".bin" / "gemini")
        argv = [gemini, "-m", "gemini-2.5-flash", "--skip-trust", "--yolo", "-o", "json", "-p", prompt]
        return Command(argv, {"GEMINI_API_KEY": "sk-client", "GOOGLE_GEMINI_BASE_URL": place.url})

    def answer(self, ran: Ran) -> str:
        return str(_last_json(ran.out).get("response", ran.out))

    def failed(self, ran: Ran) -> bool:
        return ran.code != 0 or "error" in _last_json(ran.all)


class Aider(Client):
    """Knows no tools: the model writes a file in a form that aider reads, and aider writes the file."""

    name = "aider"
    vendors = ("anthropic", "gemini", "openai")
    native = "deepseek"
    breaks = "break off once"
    too_long = "hit a token limit"

    def install(self, folder: Path) -> None:
        with_pip(folder, ["aider-chat==0.86.2"])

    def call(self, place: Place) -> str:
        written = f"The tool said: {WORD}\n\nnew.txt\n```\n{WORD} of aider\n```\n"
        return f"say {json.dumps(written)}"

    def command(self, task: Task, prompt: str, place: Place) -> Command:
        argv = [
            str(place.software / "bin" / "aider"), "--model", "openai/gpt-4o", "--edit-format", "whole", "--no-git",
            "--yes-always", "--no-check-update", "--no-show-model-warnings", "--no-analytics", "--no-pretty",
            "--no-show-release-notes", "--no-suggest-shell-commands", "--no-detect-urls", "--message", prompt,
        ]  # fmt: skip
        return Command(
            argv,
            {
                "OPENAI_API_BASE": f"{place.url}/v1",
                "OPENAI_API_KEY": "sk-client",
                "LITELLM_LOCAL_MODEL_COST_MAP": "True",
            },
        )

    def failed(self, ran: Ran) -> bool:
        return ran.code != 0 or re.search(r"litellm\.\w*Error|hit a token limit", ran.all) is not None


class LLM(Client):
    name = "llm"
    vendors = ("anthropic", "gemini", "openai")
    native = "deepseek"

    def install(self, folder: Path) -> None:
        with_pip(folder, ["llm==0.36"])

    def prepare(self, place: Place) -> None:
        folder = place.home / "llm"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "extra-openai-models.yaml").write_text(
            f"- model_id: gateway\n  model_name: gpt-4o\n  api_base: {place.url}/v1\n  supports_tools: true\n"
        )

    def call(self, place: Place) -> str:
        return f"call look {json.dumps({'page': 1})}"

    def command(self, task: Task, prompt: str, place: Place) -> Command:
        function = f'def look(page: int) -> str:\n    "Looks at a page."\n    return "{WORD}"\n'
        argv = [str(place.software / "bin" / "llm"), "prompt", "-m", "gateway", "--key", "sk-client"]
        argv += ["--functions", function] if task is Task.TOOL else []
        return Command([*argv, prompt], {"LLM_USER_PATH": str(place.home / "llm")})


def _json_lines(text: str) -> list[dict[str, Any]]:
    found = []
    for line in text.splitlines():
        with contextlib.suppress(ValueError):
            if isinstance(value := json.loads(line), dict):
                found.append(value)
    return found


def _last_json(text: str) -> dict[str, Any]:
    """The last JSON object in a text, {} for none."""
    if lines := _json_lines(text):
        return lines[-1]
    decoder = json.JSONDecoder()
    for at in (place for place, character in enumerate(text) if character == "{"):
        with contextlib.suppress(ValueError):
            value, _ = decoder.raw_decode(text[at:])
            if isinstance(value, dict):
                return value
    return {}
