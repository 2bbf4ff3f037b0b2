"""Libraries, each in a small program that is written as its documentation has it: LangChain, LlamaIndex, pydantic-ai,
the agents of OpenAI, Google and Anthropic, and Vercel's AI SDK. A program gets the gateway's address and a prompt, and prints {"text"} or {"error"}."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import ClassVar

from tests.clients.real.client import Client, Command, Place, Ran, Task, executable, program
from tests.clients.real.installing import node, with_npm, with_pip


class Library(Client):
    vendors = ("anthropic", "gemini", "openai")
    native = "deepseek"
    script: ClassVar[str]
    requirements: ClassVar[Sequence[str]] = ()
    dialect: ClassVar[str] = "chat"

    def install(self, folder: Path) -> None:
        with_pip(folder, self.requirements)

    def call(self, place: Place) -> str:
        return f"call look {json.dumps({'page': 1})}"

    def command(self, task: Task, prompt: str, place: Place) -> Command:
        python = str(place.software / "bin" / "python")
        return Command([python, str(program(self.script)), place.url, self.dialect, prompt])

    def answer(self, ran: Ran) -> str:
        return str(self._printed(ran).get("text", ""))

    def failed(self, ran: Ran) -> bool:
        return ran.code != 0 or "error" in self._printed(ran)

    def _printed(self, ran: Ran) -> Mapping[str, str]:
        lines = [line for line in ran.out.splitlines() if line.startswith("{")]
        return dict(json.loads(lines[-1])) if lines else {}


class LangChain(Library):
    name = "langchain"
    script = "langchain_agent.py"
    requirements = ("langchain==1.5.2", "langchain-openai==1.7.4", "langchain-anthropic==1.7.10")


class LangChainAnthropic(LangChain):
    name = "langchain-anthropic"
    software = "langchain"
    dialect = "messages"
    vendors = ("kimi", "gemini", "openai")
    native = "anthropic"


class LlamaIndex(Library):
    name = "llama-index"
    script = "llama_index_agent.py"
    requirements = ("llama-index-core==0.14.25", "llama-index-llms-openai-like==0.8.1")


class PydanticAI(Library):
    name = "pydantic-ai"
    script = "pydantic_ai_agent.py"
    requirements = ("pydantic-ai-slim[openai,anthropic]==2.68.0",)


class OpenAIAgents(Library):
    name = "openai-agents"
    script = "openai_agents_agent.py"
    dialect = "responses"
    vendors = ("anthropic", "gemini", "deepseek")
    native = "openai"
    requirements = ("openai-agents==0.24.0",)


class GoogleADK(Library):
    name = "google-adk"
    script = "google_adk_agent.py"
    vendors = ("anthropic", "openai", "deepseek")
    native = "gemini"
    requirements = ("google-adk==2.13.0",)


class AnthropicRunner(Library):
    name = "anthropic-runner"
    script = "anthropic_runner.py"
    vendors = ("openai", "gemini", "kimi")
    native = "vertex claude"
    requirements = ("anthropic==2.14.0",)


class FunctionsOf2023(Library):
    """Natively, a model of today answers with tools, which it does not know."""

    name = "functions-of-2023"
    script = "functions_of_2023.py"
    requirements = ("openai==0.28.1",)


class VercelAI(Library):
    name = "vercel-ai"
    script = "vercel_ai.mjs"
    packages: ClassVar[Mapping[str, str]] = {"ai": "6.0.326", "@ai-sdk/openai-compatible": "2.0.92", "zod": "4.6.7"}

    def install(self, folder: Path) -> None:
        with_npm(folder, self.packages)
        (folder / self.script).write_text(program(self.script).read_text())

    def command(self, task: Task, prompt: str, place: Place) -> Command:
        return Command([node(), str(place.software / self.script), place.url, self.dialect, prompt])


class ChatPage(Library):
    """A page in Chromium that does what NextChat does, which is on no package registry."""

    name = "browser-chat"
    script = "chromium_page.py"

    def install(self, folder: Path) -> None:
        executable("chromium", "chromium-browser", "google-chrome")

    def command(self, task: Task, prompt: str, place: Place) -> Command:
        chromium = executable("chromium", "chromium-browser", "google-chrome")
        return Command([sys.executable, str(program(self.script)), place.url, chromium, prompt])
