"""The formats that clients speak: how each asks for an answer, and what a provider of it sends. Real SDKs ask, and read
what comes back; Gemini's clients are a bare connection.

An answer says `texts`; a stream of it has one event for each of them between `opening` and `closing`, and `plain` is the
same at once. It used INPUT and OUTPUT tokens, however the format writes that. Where each event tells the usage so far, a
text is PIECE tokens, so that two of them are OUTPUT."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import aclosing
from typing import Any, ClassVar

from anthropic import AsyncAnthropic, DefaultAsyncHttpxClient
from stage.answers import DONE, chunk, completion, data
from stage.gateway import NO_TLS, Gateway
from stage.raw import encode
from stage.upstream import PATIENCE, Peer, Script

from aigw.core.dialect import Turn
from aigw.dialects.sse import EventSplitter

PROMPT = "Hello!"
MODEL = "gpt-4"
"""Of another vocabulary than models that nobody knows; the answers do not name it."""
INPUT, OUTPUT = 20, 12
PIECE = OUTPUT // 2
CONSUMER = {"x-mse-consumer": "ann"}


class Wire:
    """A format with a provider that speaks it. `path` is that of its clients, for a stream `stream_path`."""

    name: ClassVar[str]
    host: ClassVar[str] = "api.openai.com"
    provider: ClassVar[Mapping[str, Any]] = {"type": "openai"}
    path: ClassVar[str]
    prompt: ClassVar[Sequence[Turn]] = (Turn("user", (PROMPT,)),)
    """What of a request is counted."""

    @property
    def stream_path(self) -> str:
        return self.path

    def body(self, prompt: str = PROMPT, *, stream: bool = False) -> dict[str, Any]:
        raise NotImplementedError

    def opening(self) -> list[bytes]:
        return []

    def piece(self, text: str) -> bytes:
        raise NotImplementedError

    def closing(self, texts: Sequence[str]) -> list[bytes]:
        raise NotImplementedError

    def plain(self, texts: Sequence[str]) -> bytes:
        raise NotImplementedError

    def events(self, texts: Sequence[str]) -> list[bytes]:
        return [*self.opening(), *map(self.piece, texts), *self.closing(texts)]

    def read(self, gateway: Gateway) -> AsyncIterator[str]:
        """The texts of a stream as a client gets them. Who closes it before its end leaves the gateway."""
        raise NotImplementedError

    async def text(self, gateway: Gateway) -> str:
        """The text of a plain answer, as a client gets it."""
        raise NotImplementedError

    def config(
        self, url: str, plugins: Mapping[str, Any], *, settings: Mapping[str, Any] | None = None, **more: Any
    ) -> dict[str, Any]:
        """The gateway's, with a provider of this format at `url`; `settings` are more of the provider's."""
        proxy = {"provider": {"apiTokens": ["sk-provider"], **self.provider, **(settings or {})}}
        return {"services": {self.host: url}, "plugins": {**plugins, "ai-proxy": proxy}, **more}

    def __repr__(self) -> str:
        return self.name


def typed(kind: str, **fields: Any) -> bytes:
    return f"event: {kind}\n".encode() + data({"type": kind, **fields})


class Chat(Wire):
    name = "chat"
    path = "/v1/chat/completions"
    usage: ClassVar = {"prompt_tokens": INPUT, "completion_tokens": OUTPUT, "total_tokens": INPUT + OUTPUT}

    def body(self, prompt: str = PROMPT, *, stream: bool = False) -> dict[str, Any]:
        return {"model": MODEL, "messages": [{"role": "user", "content": prompt}], "stream": stream}

    def opening(self) -> list[bytes]:
        return [chunk({"role": "assistant", "content": ""}, model="")]

    def piece(self, text: str) -> bytes:
        return chunk({"content": text}, model="")

    def closing(self, texts: Sequence[str]) -> list[bytes]:
        return [chunk({}, "stop", model=""), chunk(model="", usage=self.usage), DONE]

    def plain(self, texts: Sequence[str]) -> bytes:
        return completion("".join(texts), model="", usage=self.usage)

    async def read(self, gateway: Gateway) -> AsyncIterator[str]:
        asked = gateway.sdk(default_headers=CONSUMER).chat.completions.create(**self.body(stream=True))
        async with aclosing(await asked) as stream:
            async for event in stream:
                for choice in event.choices:
                    if choice.delta.content:
                        yield choice.delta.content

    async def text(self, gateway: Gateway) -> str:
        answer = await gateway.sdk(default_headers=CONSUMER).chat.completions.create(**self.body())
        return answer.choices[0].message.content or ""


class Completions(Chat):
    name = "completions"
    path = "/v1/completions"
    prompt = (Turn("", (PROMPT,)),)

    def body(self, prompt: str = PROMPT, *, stream: bool = False) -> dict[str, Any]:
        return {"model": MODEL, "prompt": prompt, "stream": stream}

    def opening(self) -> list[bytes]:
        return []

    def piece(self, text: str) -> bytes:
        return self._event([{"index": 0, "text": text, "finish_reason": None, "logprobs": None}])

    def closing(self, texts: Sequence[str]) -> list[bytes]:
        end = {"index": 0, "text": "", "finish_reason": "stop", "logprobs": None}
        return [self._event([end]), self._event([], usage=self.usage), DONE]

    def plain(self, texts: Sequence[str]) -> bytes:
        choice = {"index": 0, "text": "".join(texts), "finish_reason": "stop", "logprobs": None}
        return json.dumps({**self._body, "choices": [choice], "usage": self.usage}).encode()

    _body: ClassVar = {"id": "cmpl-1", "object": "text_completion", "created": 1, "model": ""}

    def _event(self, choices: list[Any], **more: Any) -> bytes:
        return data({**self._body, "choices": choices, **more})

    async def read(self, gateway: Gateway) -> AsyncIterator[str]:
        asked = gateway.sdk(default_headers=CONSUMER).completions.create(**self.body(stream=True))
        async with aclosing(await asked) as stream:
            async for event in stream:
                for choice in event.choices:
                    if choice.text:
                        yield choice.text


class Messages(Wire):
    name = "messages"
    host = "api.anthropic.com"
    provider = {"type": "claude"}
    path = "/v1/messages"
    message: ClassVar = {"id": "msg_1", "type": "message", "role": "assistant", "model": MODEL}

    def body(self, prompt: str = PROMPT, *, stream: bool = False) -> dict[str, Any]:
        return {"model": MODEL, "max_tokens": 99, "messages": [{"role": "user", "content": prompt}], "stream": stream}

    def opening(self) -> list[bytes]:
        usage = {"input_tokens": INPUT, "output_tokens": 1}
        message = {**self.message, "content": [], "stop_reason": None, "stop_sequence": None, "usage": usage}
        block = typed("content_block_start", index=0, content_block={"type": "text", "text": ""})
        return [typed("message_start", message=message), block]

    def piece(self, text: str) -> bytes:
        return typed("content_block_delta", index=0, delta={"type": "text_delta", "text": text})

    def closing(self, texts: Sequence[str]) -> list[bytes]:
        delta = {"stop_reason": "end_turn", "stop_sequence": None}
        return [
            typed("content_block_stop", index=0),
            typed("message_delta", delta=delta, usage={"output_tokens": OUTPUT}),
            typed("message_stop"),
        ]

    def plain(self, texts: Sequence[str]) -> bytes:
        rest = {"stop_reason": "end_turn", "usage": {"input_tokens": INPUT, "output_tokens": OUTPUT}}
        return json.dumps({**self.message, "content": [{"type": "text", "text": "".join(texts)}], **rest}).encode()

    def sdk(self, gateway: Gateway) -> AsyncAnthropic:
        """Anthropic's own client, which its user closes."""
        http = DefaultAsyncHttpxClient(trust_env=False, verify=NO_TLS)
        return AsyncAnthropic(
            base_url=gateway.url,
            api_key="k",
            max_retries=0,
            timeout=PATIENCE,
            http_client=http,
            default_headers=CONSUMER,
        )

    async def read(self, gateway: Gateway) -> AsyncIterator[str]:
        body = {name: value for name, value in self.body().items() if name != "stream"}
        async with self.sdk(gateway) as client, client.messages.stream(**body) as stream:
            async for text in stream.text_stream:
                yield text

    async def text(self, gateway: Gateway) -> str:
        async with self.sdk(gateway) as client:
            message = await client.messages.create(**self.body())
        return "".join(block.text for block in message.content if block.type == "text")


class Responses(Wire):
    name = "responses"
    path = "/v1/responses"
    response: ClassVar = {"id": "resp_1", "object": "response", "created_at": 1, "model": "", "output": []}
    rest: ClassVar = {"parallel_tool_calls": True, "tool_choice": "auto", "tools": []}
    usage: ClassVar = {
        "input_tokens": INPUT, "input_tokens_details": {"cached_tokens": 0}, "output_tokens": OUTPUT,
        "output_tokens_details": {"reasoning_tokens": 0}, "total_tokens": INPUT + OUTPUT,
    }  # fmt: skip
    place: ClassVar = {"item_id": "msg_1", "output_index": 0, "content_index": 0}

    def body(self, prompt: str = PROMPT, *, stream: bool = False) -> dict[str, Any]:
        return {"model": MODEL, "input": prompt, "store": False, "stream": stream}

    def opening(self) -> list[bytes]:
        part = {"type": "output_text", "text": "", "annotations": []}
        return [
            typed("response.created", sequence_number=0, response=self._response("in_progress")),
            typed("response.output_item.added", sequence_number=1, output_index=0, item=self._item("", "in_progress")),
            typed("response.content_part.added", sequence_number=2, **self.place, part=part),
        ]

    def piece(self, text: str) -> bytes:
        return typed("response.output_text.delta", sequence_number=3, **self.place, delta=text, logprobs=[])

    def closing(self, texts: Sequence[str]) -> list[bytes]:
        item = self._item("".join(texts))
        return [
            typed("response.output_item.done", sequence_number=4, output_index=0, item=item),
            typed("response.completed", sequence_number=5, response=self._whole(texts)),
        ]

    def plain(self, texts: Sequence[str]) -> bytes:
        return json.dumps(self._whole(texts)).encode()

    def _response(self, status: str, **more: Any) -> dict[str, Any]:
        return {**self.response, **self.rest, "status": status, **more}

    def _whole(self, texts: Sequence[str]) -> dict[str, Any]:
        return self._response("completed", output=[self._item("".join(texts))], usage=self.usage)

    def _item(self, text: str, status: str = "completed") -> dict[str, Any]:
        content = [{"type": "output_text", "text": text, "annotations": []}] if text else []
        return {"id": "msg_1", "type": "message", "status": status, "role": "assistant", "content": content}

    async def read(self, gateway: Gateway) -> AsyncIterator[str]:
        asked = gateway.sdk(default_headers=CONSUMER).responses.create(**self.body(stream=True))
        async with aclosing(await asked) as stream:
            async for event in stream:
                if event.type == "response.output_text.delta":
                    yield event.delta

    async def text(self, gateway: Gateway) -> str:
        return (await gateway.sdk(default_headers=CONSUMER).responses.create(**self.body())).output_text


class Gemini(Wire):
    """`tells`: each event tells the usage so far, as Google's do; others tell it at the end."""

    host = "generativelanguage.googleapis.com"
    provider = {"type": "gemini"}
    path = f"/v1beta/models/{MODEL}:generateContent"

    def __init__(self, *, tells: bool) -> None:
        self.name = "gemini that counts" if tells else "gemini"
        self._tells = tells
        self._made = 0

    @property
    def stream_path(self) -> str:
        return f"/v1beta/models/{MODEL}:streamGenerateContent?alt=sse"

    def body(self, prompt: str = PROMPT, *, stream: bool = False) -> dict[str, Any]:
        return {"contents": [{"role": "user", "parts": [{"text": prompt}]}]}

    def opening(self) -> list[bytes]:
        self._made = 0
        return []

    def piece(self, text: str) -> bytes:
        self._made += PIECE
        return data(self._answer(text, made=self._made if self._tells else None))

    def closing(self, texts: Sequence[str]) -> list[bytes]:
        return [data(self._answer("", finish="STOP", made=PIECE * len(texts)))]

    def plain(self, texts: Sequence[str]) -> bytes:
        return json.dumps(self._answer("".join(texts), finish="STOP")).encode()

    def _answer(self, text: str, *, finish: str = "", made: int | None = OUTPUT) -> dict[str, Any]:
        ended = {"finishReason": finish} if finish else {}
        candidate = {"content": {"role": "model", "parts": [{"text": text}]}, "index": 0, **ended}
        answer = {"candidates": [candidate], "responseId": "r"}
        if made is None:
            return answer
        usage = {"promptTokenCount": INPUT, "candidatesTokenCount": made, "totalTokenCount": INPUT + made}
        return {**answer, "usageMetadata": usage}

    async def read(self, gateway: Gateway) -> AsyncIterator[str]:
        client = await gateway.connect()
        await client.send(encode("POST", self.stream_path, json.dumps(self.body()).encode(), **CONSUMER))
        await client.head()
        splitter = EventSplitter()
        try:
            while piece := await client.chunk():
                for event in splitter.feed(piece):
                    yield event.json()["candidates"][0]["content"]["parts"][0]["text"]
        finally:
            await client.close()

    async def text(self, gateway: Gateway) -> str:
        body = json.dumps(self.body()).encode()
        answer = (await gateway.request("POST", self.path, body, **CONSUMER)).json()
        return "".join(part["text"] for part in answer["candidates"][0]["content"]["parts"])


class DashScope(Chat):
    """A chat client in front of DashScope's native API. Each event tells the usage so far; `incremental`: and only the
    text that is new."""

    host = "dashscope.aliyuncs.com"
    provider = {"type": "qwen", "qwenEnableCompatible": False}

    def __init__(self, *, incremental: bool, told: int | None = PIECE) -> None:
        """`told`: output tokens that each event tells of for each text so far; None: no event tells any usage."""
        self.name = f"dashscope {'incremental' if incremental else 'cumulative'} {told}"
        self._incremental = incremental
        self._told = told
        self._said: list[str] = []

    def opening(self) -> list[bytes]:
        self._said = []
        return []

    def piece(self, text: str) -> bytes:
        self._said.append(text)
        return self._event(text if self._incremental else "".join(self._said), len(self._said))

    def closing(self, texts: Sequence[str]) -> list[bytes]:
        return [self._event("" if self._incremental else "".join(texts), len(texts), finish="stop")]

    def plain(self, texts: Sequence[str]) -> bytes:
        return json.dumps(self._answer("".join(texts), len(texts), "stop")).encode()

    def _event(self, text: str, pieces: int, finish: str = "null") -> bytes:
        return b"id:1\nevent:result\n:HTTP_STATUS/200\n" + data(self._answer(text, pieces, finish))

    def _answer(self, text: str, pieces: int, finish: str) -> dict[str, Any]:
        choice = {"message": {"role": "assistant", "content": text}, "finish_reason": finish}
        answer = {"output": {"choices": [choice]}, "request_id": "r"}
        return answer if self._told is None else {**answer, "usage": self._usage(self._told * pieces)}

    def _usage(self, told: int) -> dict[str, int]:
        return {"input_tokens": INPUT, "output_tokens": told, "total_tokens": INPUT + told}


CHAT, COMPLETIONS, MESSAGES, RESPONSES = Chat(), Completions(), Messages(), Responses()
GEMINI, COUNTING_GEMINI = Gemini(tells=False), Gemini(tells=True)


def stays_open(*events: bytes) -> Script:
    """A provider that sends these events, and then waits until it is left."""

    async def script(peer: Peer) -> None:
        await peer.begin()
        for event in events:
            await peer.piece(event)
        await peer.gone()

    return script
