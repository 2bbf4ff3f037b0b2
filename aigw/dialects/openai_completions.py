"""OpenAI's text completions, the old API. It is like chat, but has `prompt` instead of messages, and `choices[].text`
instead of deltas.

Rule: a prompt is a text, a list of texts (each gets `n` answers), or tokens. Tokens are not converted into text."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import ClassVar

from aigw.core.answer import Writer
from aigw.core.dialect import Asked, Said, Where
from aigw.core.document import Document
from aigw.core.model import Chunk, Request
from aigw.dialects.openai_chat import CompletionsReader, CompletionsView, OpenAIChat
from aigw.dialects.openai_chat_writer import TextWriter
from aigw.dialects.reader import Json
from aigw.dialects.sse import rewritten
from aigw.dialects.view import PromptView, rows_of


class TextView(PromptView, CompletionsView):
    PROMPTS = ("prompt",)

    @property
    def choices(self) -> int:
        prompt = self.get("prompt")
        many = len(prompt) if isinstance(prompt, list) and prompt and not isinstance(prompt[0], int) else 1
        return many * super().choices


class TextReader(CompletionsReader):
    __slots__ = ()

    @staticmethod
    def is_choice(choice: Json) -> bool:
        """Whether a choice has a text, or a reason why it is empty. Clients do not see the message of a chat."""
        text = choice.get("text")
        return isinstance(text, str) and bool(text or choice.get("finish_reason"))


class OpenAICompletions(OpenAIChat):
    """The dialect of text completions. A `core.dialect.Dialect`."""

    name: ClassVar[str] = "openai-completions"
    says_text: ClassVar[re.Pattern[bytes]] = re.compile(rb'"text":"[^"]')

    def asked(self, request: Request, api: str) -> Asked:
        return TextView(request, api)

    def reader(self, asked: Asked, *, streaming: bool, provider: str = "") -> TextReader:
        return TextReader(asked.choices, streaming=streaming, provider=provider)

    @staticmethod
    def has_content(choice: Json) -> bool:
        """Whether a choice of an event has a text. A delta of a chat has nothing for these clients."""
        return bool(choice.get("text"))

    def insert(self, document: Document, turns: Iterable[tuple[Said, str]], where: Where) -> None:
        """Inserts the texts before or after each prompt, with a blank line between."""
        prompt, texts = document.get("prompt"), [text for _, text in turns]
        prompts = prompt if isinstance(prompt, list) else [prompt]
        if not prompts or not all(isinstance(each, str) for each in prompts):
            raise ValueError("prompt: must be a string, or a list of strings")
        made = ["\n\n".join([each, *texts] if where == "behind" else [*texts, each]) for each in prompts]
        document.set("prompt", made if isinstance(prompt, list) else made[0])

    def write(self, chunk: Chunk, text: str) -> Chunk:
        body = chunk.json()
        choices = rows_of(body.get("choices")) if isinstance(body, dict) else []
        if not choices or not choices[0].get("text"):
            return chunk
        return rewritten(chunk, {**body, "choices": [{**choices[0], "text": text}, *choices[1:]]})

    def writer(self, asked: Asked, id: str, created: int) -> Writer:
        return TextWriter(asked.model, id, created, wants_usage=asked.wants_usage)
