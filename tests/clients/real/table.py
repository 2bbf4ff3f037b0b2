"""All clients, by name."""

from __future__ import annotations

from tests.clients.real.agents import LLM, Aider, ClaudeCode, Codex, CodexCodeMode, GeminiCLI
from tests.clients.real.client import Client
from tests.clients.real.libraries import (
    AnthropicRunner,
    ChatPage,
    FunctionsOf2023,
    GoogleADK,
    LangChain,
    LangChainAnthropic,
    LlamaIndex,
    OpenAIAgents,
    PydanticAI,
    VercelAI,
)
from tests.clients.real.terminal_agents import Cline, Copilot, OpenCode, Pi, QwenCode

CLIENTS: dict[str, Client] = {
    client.name: client
    for client in (
        ClaudeCode(), Codex(), CodexCodeMode(), GeminiCLI(), Aider(), LLM(), LangChain(), LangChainAnthropic(),
        LlamaIndex(), PydanticAI(), OpenAIAgents(), GoogleADK(), AnthropicRunner(), FunctionsOf2023(), VercelAI(),
        ChatPage(),
        OpenCode(), Pi(), QwenCode(), Copilot(), Cline(),
    )
}  # fmt: skip
