"""A conversation of twenty rounds with tools and thoughts, in each format at each provider of another one: what was said
before is written with the same bytes in each turn, and the client is told what the provider says of its input."""

import json
from itertools import pairwise

import pytest
from fakes import chat
from msgspec.structs import replace
from stage.upstream import Received
from stage.vendors.bedrock import Bedrock
from stage.vendors.chat import Chat, Kimi
from stage.vendors.gemini import Gemini
from stage.vendors.messages import Messages
from stage.vendors.model import decide
from stage.vendors.responses import Responses

from aigw.dialects import apis
from aigw.dialects.aws_events import EventStreamDecoder
from aigw.dialects.sse import EventSplitter
from aigw.dialects.table import dialect_of
from aigw.providers.catalog import CATALOG
from aigw.translation.kept_thoughts import KeptThoughts
from aigw.translation.translation import Translation

ROUNDS = 20
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
VENDORS = {
    "deepseek": (Chat, apis.CHAT), "kimi": (Kimi, apis.CHAT), "claude": (Messages, apis.MESSAGES),
    "gemini": (Gemini, apis.GENERATE_CONTENT), "openai": (Responses, apis.RESPONSES), "bedrock": (Bedrock, apis.CONVERSE),
}  # fmt: skip


class ChatClient:
    api, turns = apis.CHAT, "messages"
    streamed = {"stream_options": {"include_usage": True}}
    tools = [{"type": "function", "function": {"name": "weather", "parameters": SCHEMA}}]
    more = {"reasoning_effort": "high", "messages": [{"role": "system", "content": "Be brief."}]}

    def user(self, text):
        return [{"role": "user", "content": text}]

    def said(self, answer):
        return [answer["choices"][0]["message"]]

    def results(self, answer):
        calls = answer["choices"][0]["message"]["tool_calls"]
        return [{"role": "tool", "tool_call_id": call["id"], "content": "sun"} for call in calls]


class MessagesClient:
    api, turns = apis.MESSAGES, "messages"
    streamed = {}
    tools = [{"name": "weather", "input_schema": SCHEMA}]
    more = {"system": "Be brief.", "max_tokens": 5000, "thinking": {"type": "enabled", "budget_tokens": 1024}}

    def user(self, text):
        return [{"role": "user", "content": text}]

    def said(self, answer):
        return [{"role": "assistant", "content": answer["content"]}]

    def results(self, answer):
        ids = [block["id"] for block in answer["content"] if block["type"] == "tool_use"]
        return [
            {"role": "user", "content": [{"type": "tool_result", "tool_use_id": id, "content": "sun"} for id in ids]}
        ]


class ResponsesClient:
    api, turns = apis.RESPONSES, "input"
    streamed = {}
    tools = [{"type": "function", "name": "weather", "parameters": SCHEMA}]
    more = {"instructions": "Be brief.", "reasoning": {"effort": "high"}, "store": False,
            "include": ["reasoning.encrypted_content"]}  # fmt: skip

    def user(self, text):
        return [{"type": "message", "role": "user", "content": text}]

    def said(self, answer):
        return answer["output"]

    def results(self, answer):
        ids = [item["call_id"] for item in answer["output"] if item["type"] == "function_call"]
        return [{"type": "function_call_output", "call_id": id, "output": "sun"} for id in ids]


class GeminiClient:
    api, turns = apis.GENERATE_CONTENT, "contents"
    tools = [{"functionDeclarations": [{"name": "weather", "parametersJsonSchema": SCHEMA}]}]
    more = {"systemInstruction": {"parts": [{"text": "Be brief."}]},
            "generationConfig": {"thinkingConfig": {"includeThoughts": True, "thinkingBudget": 1024}}}  # fmt: skip

    def user(self, text):
        return [{"role": "user", "parts": [{"text": text}]}]

    def said(self, answer):
        return [answer["candidates"][0]["content"]]

    def results(self, answer):
        calls = [part["functionCall"] for part in answer["candidates"][0]["content"]["parts"] if "functionCall" in part]
        said = [{"id": call["id"], "name": call["name"], "response": {"output": "sun"}} for call in calls]
        return [{"role": "user", "parts": [{"functionResponse": each} for each in said]}]


FRONT = ("system", "systemInstruction", "instructions", "tools", "toolConfig")
"""What stands in front of the turns."""
CLIENTS = (ChatClient, MessagesClient, ResponsesClient, GeminiClient)
PAIRS = [(client, name) for client in CLIENTS for name in VENDORS if VENDORS[name][1] != client.api]


class Talk:
    """One conversation. `bodies` has what the provider got, `told` what it said of its input and what the client read."""

    def __init__(self, client, name):
        kind, self._target = VENDORS[name]
        self.client, self.vendor = client(), kind()
        self._rules = replace(CATALOG[kind.row["type"]].rules, maker=name)
        self._kept = KeptThoughts()
        self._turns = list(client.more.get(client.turns, ()))
        self.bodies, self.told = [], []

    def ask(self, text):
        """Returns the client's last answer, once the tools have answered."""
        self._turns += self.client.user(text)
        answer = self._answer()
        self._turns += self.client.results(answer)
        return json.dumps(self._answer())

    def _answer(self):
        stream = len(self.bodies) % 2 == 1
        it = self._translation(stream)
        body = json.loads(it.request.body)
        path = f"/model/{self.vendor.model}/converse" if self._target == apis.CONVERSE else it.request.path
        self.vendor.check(Received(f"POST {path} HTTP/1.1\r\nanthropic-version: 1\r\n\r\n".encode()), body)
        plan = decide(self.vendor.asked(body), self.vendor.name)
        whole = json.dumps(self.vendor.whole(plan, body)).encode()
        answer = self._streamed(it, self.vendor.events(plan, body)) if stream else it.whole(whole)
        self.bodies.append(body)
        self.told.append((input_of(self._target, whole), input_of(self.client.api, answer)))
        self._turns += self.client.said(json.loads(answer))
        return json.loads(answer)

    def _translation(self, stream):
        api = self.client.api
        body = {"model": "m", **self.client.more, "tools": self.client.tools, self.client.turns: self._turns}
        if api == apis.GENERATE_CONTENT:
            api = apis.STREAM_GENERATE_CONTENT if stream else api
        else:
            body |= {"stream": True, **self.client.streamed} if stream else {}
        request = chat(body, path="/v1/models/m:generateContent")
        asked = dialect_of(api).asked(request, api)
        how = {"model": self.vendor.model, "id": "1", "created": 7, "kept": self._kept}
        return Translation(request, asked, api, self._target, self._rules, **how)

    def _streamed(self, it, events):
        data = b"".join(events)
        if self._target == apis.CONVERSE:
            data = EventStreamDecoder().feed(data)
        decoder = it.decoder(lambda error: b"failed: " + error.message.encode())
        out = [*decoder.feed(EventSplitter().feed(data)), *decoder.end()]
        return dialect_of(self.client.api).whole([chunk for chunk in out if chunk.data is not None])


def input_of(api, body):
    dialect = dialect_of(api)
    reader = dialect.reader(dialect.asked(chat({}), api), streaming=False)
    reader.feed(EventSplitter().feed(b"data: " + body + b"\n\n"))
    return reader.tokens.input


@pytest.mark.parametrize(("client", "name"), PAIRS, ids=lambda value: getattr(value, "api", value))
def test_twenty_rounds(client, name):
    """maximhq/bifrost#898: where the bytes of what was said before change, no turn finds it in the provider's cache. Codex
    and Claude Code compact for ever where they are told that the input has grown by all turns instead of the last."""
    talk = Talk(client, name)
    for number in range(ROUNDS):
        assert "said: sun" in talk.ask(f'stage: think\nstage: call weather {{"city": "P{number}"}}')
    turns = next(field for field in ("messages", "contents", "input") if field in talk.bodies[0])
    for before, after in pairwise(talk.bodies):
        assert json.dumps(after[turns]).startswith(json.dumps(before[turns])[:-1])
    assert len({json.dumps([body.get(name) for name in FRONT]) for body in talk.bodies}) == 1
    assert [read for _, read in talk.told] == [told for told, _ in talk.told]
    grown = [after - before for (before, _), (after, _) in pairwise(talk.told)]
    assert max(grown) < 5 * min(grown), grown
