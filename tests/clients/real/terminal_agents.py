"""Agents of the command line that take any provider: OpenCode, pi, Qwen Code, GitHub's Copilot and Cline."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from tests.clients.real.client import Client, Command, Place, Ran, Task
from tests.clients.real.installing import with_npm


class Agent(Client):
    """From npm. `program` is its command, and `reads` the tool that reads a file, with the name of its field."""

    vendors = ("anthropic", "gemini")
    native = "deepseek"
    seconds = 120
    package: ClassVar[Mapping[str, str]]
    program: ClassVar[str]
    reads: ClassVar[tuple[str, str]]

    def install(self, folder: Path) -> None:
        with_npm(folder, self.package)

    def typed(self, place: Place, *words: str) -> list[str]:
        return [str(place.software / "node_modules" / ".bin" / self.program), *words]

    def call(self, place: Place) -> str:
        tool, field = self.reads
        return f"call {tool} {json.dumps({field: str(place.file)})}"


class OpenCode(Agent):
    name = "opencode"
    package: ClassVar[dict[str, str]] = {"opencode-ai": "1.18.33"}
    program = "opencode"
    reads = ("read", "filePath")

    def command(self, task: Task, prompt: str, place: Place) -> Command:
        provider: dict[str, Any] = {
            "npm": "@ai-sdk/openai-compatible",
            "options": {"baseURL": f"{place.url}/v1", "apiKey": "sk-client"},
            "models": {"gpt-4o": {}},
        }
        settings = {"provider": {"aigw": provider}, "model": "aigw/gpt-4o", "autoupdate": False}
        (place.home / "prompt").write_text(prompt)  # as an argument it would get other quotes
        argv = ["sh", "-c", '"$0" run < "$1"', *self.typed(place), str(place.home / "prompt")]
        return Command(argv, {"OPENCODE_CONFIG_CONTENT": json.dumps(settings), "OPENCODE_DISABLE_MODELS_FETCH": "1"})


class Pi(Agent):
    """Shortens a conversation that is too long and goes on without a word."""

    name = "pi"
    package: ClassVar[dict[str, str]] = {"@mariozechner/pi-coding-agent": "0.73.1"}
    program = "pi"
    reads = ("read", "path")
    too_long = ""

    def prepare(self, place: Place) -> None:
        folder = place.home / ".pi" / "agent"
        folder.mkdir(parents=True)
        models = [{"id": "gpt-4o", "reasoning": True}]
        provider = {"baseUrl": f"{place.url}/v1", "api": "openai-completions", "apiKey": "sk-client", "models": models}
        (folder / "models.json").write_text(json.dumps({"providers": {"aigw": provider}}))

    def command(self, task: Task, prompt: str, place: Place) -> Command:
        return Command(self.typed(place, "--model", "aigw/gpt-4o", "-p", prompt), {"PI_OFFLINE": "1"})

    def failed(self, ran: Ran) -> bool:
        return ran.code != 0 or not ran.out.strip()


class QwenCode(Agent):
    """Lets the model go on where its answer was cut off."""

    name = "qwen-code"
    native = "dashscope"
    package: ClassVar[dict[str, str]] = {"@qwen-code/qwen-code": "0.15.10"}
    program = "qwen"
    reads = ("read_file", "file_path")
    too_long = "(?i)too long|context|maximum|input length"

    def command(self, task: Task, prompt: str, place: Place) -> Command:
        return Command(
            self.typed(place, "--auth-type", "openai", "--yolo", "-o", "text", prompt),
            {"OPENAI_BASE_URL": f"{place.url}/v1", "OPENAI_API_KEY": "sk-client", "OPENAI_MODEL": "qwen3-coder-plus"},
        )

    def failed(self, ran: Ran) -> bool:
        return ran.code != 0 or ran.out.count("Hello from") > 1


class Copilot(Agent):
    """Has a custom tool beside its functions."""

    name = "copilot"
    package: ClassVar[dict[str, str]] = {"@github/copilot": "1.0.102"}
    program = "copilot"
    reads = ("view", "path")

    def command(self, task: Task, prompt: str, place: Place) -> Command:
        return Command(
            self.typed(place, "-p", prompt, "--allow-all-tools", "--no-color"),
            {
                "COPILOT_PROVIDER_BASE_URL": f"{place.url}/v1", "COPILOT_PROVIDER_API_KEY": "sk-client",
                "COPILOT_MODEL": "gpt-4o", "COPILOT_OFFLINE": "true",
            },
        )  # fmt: skip


class Cline(Agent):
    name = "cline"
    package: ClassVar[dict[str, str]] = {"cline": "3.0.65"}
    program = "cline"

    def prepare(self, place: Place) -> None:
        folder = place.home / ".cline" / "data" / "settings"
        folder.mkdir(parents=True)
        name = "openai-compatible"
        settings = {"provider": name, "apiKey": "sk-client", "model": "gpt-4o", "baseUrl": f"{place.url}/v1"}
        entry = {"settings": settings, "updatedAt": "2026-12-01T00:00:00Z", "tokenSource": "manual"}
        everything = {"version": 1, "lastUsedProvider": name, "modes": {}, "providers": {name: entry}}
        (folder / "providers.json").write_text(json.dumps(everything))

    def call(self, place: Place) -> str:
        return f"call read_files {json.dumps({'files': [{'path': str(place.file)}]})}"

    def command(self, task: Task, prompt: str, place: Place) -> Command:
        return Command(self.typed(place, "-P", "openai-compatible", f"Do this.\n{prompt}"))
