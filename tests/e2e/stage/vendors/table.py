"""The scripted vendors by name."""

from __future__ import annotations

from stage.vendors.bedrock import Bedrock
from stage.vendors.chat import Chat, Groq, Kimi
from stage.vendors.dashscope import DashScope
from stage.vendors.gemini import Gemini
from stage.vendors.messages import Messages
from stage.vendors.openai import OpenAI
from stage.vendors.responses import Responses
from stage.vendors.vendor import Vendor
from stage.vendors.vertex import Vertex, VertexClaude

VENDORS: dict[str, type[Vendor]] = {
    "deepseek": Chat, "kimi": Kimi, "groq": Groq, "anthropic": Messages, "gemini": Gemini, "openai": OpenAI, "dashscope": DashScope,
    "bedrock": Bedrock, "responses": Responses, "vertex": Vertex, "vertex claude": VertexClaude,
}  # fmt: skip
