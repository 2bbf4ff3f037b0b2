"""Providers that know OpenAI's chat completions and nothing else, as DeepSeek and Moonshot have them. chat_check.py says
what they refuse."""

from __future__ import annotations

import json
from typing import Any, ClassVar

from stage.answers import DONE, data
from stage.upstream import Received
from stage.vendors.chat_check import Limits, check
from stage.vendors.model import ANY, AUTO, Asked, Call, Plan, Tool, pieces, tokens
from stage.vendors.vendor import RefusedError, Vendor, texts


class Chat(Vendor):
    """DeepSeek: no image, no schema, thoughts that must come back, keep-alives that are comments."""

    name = "DeepSeek"
    host = "api.deepseek.com"
    row = {"type": "deepseek"}
    model = "deepseek-chat"
    path = "/v1/chat/completions"
    limits: ClassVar[Limits] = Limits(65536, wants_thoughts=True)
    thoughts: ClassVar[str] = "reasoning_content"
    in_one_piece: ClassVar[bool] = False

    def path_is_known(self, path: str) -> bool:
        return path in (self.path, "/v1/models")

    def other(self, request: Received, path: str, body: Any) -> Any:
        model = {"id": self.model, "object": "model", "owned_by": self.name.lower()}
        return {"object": "list", "data": [model]} if path == "/v1/models" else None

    def check(self, request: Received, body: Any) -> None:
        check(body, self.limits)

    def asked(self, body: Any) -> Asked:
        results: list[str] = []
        prompt: list[str] = []
        for message in body["messages"]:
            if message["role"] == "assistant":
                results, prompt = [], []
            elif message["role"] == "tool":
                results.append(texts(message["content"]))
            elif message["role"] == "user":
                prompt.append(texts(message["content"]))
        tools = [Tool(t["function"]["name"], t["function"].get("parameters") or {}) for t in body.get("tools") or ()]
        choice = body.get("tool_choice") or AUTO
        choice = choice["function"]["name"] if isinstance(choice, dict) else ANY if choice == "required" else choice
        wants_json = (body.get("response_format") or {}).get("type") == "json_object"
        return Asked("\n".join(prompt), results, tools, choice, {} if wants_json else None)

    def whole(self, plan: Plan, body: Any) -> Any:
        message: dict[str, Any] = {"role": "assistant", "content": plan.text}
        if plan.thought:
            message[self.thoughts] = plan.thought
        if plan.calls:
            message["tool_calls"] = [self._call(number, call) for number, call in enumerate(plan.calls)]
        choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": _finish(plan)}
        return {**self._frame("chat.completion", body), "choices": [choice], "usage": self.usage(plan, body)}

    def events(self, plan: Plan, body: Any) -> list[bytes]:
        frame = self._frame("chat.completion.chunk", body)
        deltas: list[dict[str, Any]] = [{"role": "assistant", "content": ""}]
        deltas += [{"content": None, self.thoughts: piece} for piece in pieces(plan.thought) if piece]
        deltas += [{"content": piece} for piece in pieces(plan.text) if piece]
        for number, call in enumerate(plan.calls):
            deltas += self._call_deltas(self._call(number, call))
        said = [data({**frame, "choices": [_choice(delta, None)]}) for delta in deltas]
        said.insert(1, b": keep-alive\n\n")
        if plan.fails:
            return [*said, data(self.failure(plan.fails)[1])]
        return [*said, *self.closing(frame, plan, body), DONE]

    def _call_deltas(self, call: dict[str, Any]) -> list[dict[str, Any]]:
        if self.in_one_piece:
            return [{"tool_calls": [call]}]
        said = pieces(call["function"]["arguments"])
        first = {**call, "function": {"name": call["function"]["name"], "arguments": ""}}
        rest = [{"index": call["index"], "function": {"arguments": piece}} for piece in said]
        return [{"tool_calls": [delta]} for delta in (first, *rest)]

    def closing(self, frame: dict[str, Any], plan: Plan, body: Any) -> list[bytes]:
        """The last chunk, which tells the usage if that was asked for."""
        end = {**frame, "choices": [_choice({"content": ""}, _finish(plan))]}
        if not (body.get("stream_options") or {}).get("include_usage"):
            return [data(end)]
        return [data(end), data({**frame, "choices": [], "usage": self.usage(plan, body)})]

    def call_id(self, number: int, call: Call) -> str:
        return self.new_id("call_00_")

    def usage(self, plan: Plan, body: Any) -> dict[str, Any]:
        asked, thought = tokens(body["messages"]), tokens(plan.thought) if plan.thought else 0
        answered = tokens(plan.text or str(plan.calls)) + thought
        return {
            "prompt_tokens": asked, "completion_tokens": answered, "total_tokens": asked + answered,
            "prompt_tokens_details": {"cached_tokens": asked // 2},
            "completion_tokens_details": {"reasoning_tokens": thought},
            "prompt_cache_hit_tokens": asked // 2, "prompt_cache_miss_tokens": asked - asked // 2,
        }  # fmt: skip

    def failure(self, kind: str) -> tuple[int, Any]:
        status, name, message = {
            "key": (401, "authentication_error", "Authentication Fails, Your api key: ****ider is invalid"),
            "rate": (429, "rate_limit_error", "Rate limit reached, please slow down"),
            "context": (
                400,
                "invalid_request_error",
                "This model's maximum context length is 131072 tokens. However, you requested 140000 tokens "
                "(135904 in the messages, 4096 in the completion). Please reduce the length of the messages or completion.",
            ),
            "overloaded": (503, "service_unavailable_error", "Service is too busy. Please try again later."),
            "broken": (500, "server_error", "Something went wrong here."),
        }[kind]
        return status, {"error": {"message": message, "type": name, "param": None, "code": "invalid_request_error"}}

    def refusal(self, error: RefusedError) -> Any:
        kind = "authentication_error" if error.status == 401 else "invalid_request_error"
        return {"error": {"message": str(error), "type": kind, "param": None, "code": "invalid_request_error"}}

    def _call(self, number: int, call: Call) -> dict[str, Any]:
        function = {"name": call.tool.name, "arguments": json.dumps(call.arguments)}
        return {"index": number, "id": self.call_id(number, call), "type": "function", "function": function}

    def _frame(self, kind: str, body: Any) -> dict[str, Any]:
        return {"id": self.new_id("chat-"), "object": kind, "created": 1700000000, "model": body["model"]}


class Kimi(Chat):
    """Moonshot: sees images, tells the usage in the choice, and calls the first call of a tool `functions.NAME:0` each time."""

    name = "Kimi"
    host = "api.moonshot.cn"
    row = {"type": "moonshot"}
    model = "kimi-k2-turbo-preview"
    limits = Limits(262144, sees=True)

    def call_id(self, number: int, call: Call) -> str:
        return f"functions.{call.tool.name}:{number}"

    def closing(self, frame: dict[str, Any], plan: Plan, body: Any) -> list[bytes]:
        choice = _choice({}, _finish(plan)) | {"usage": self.usage(plan, body)}
        return [data({**frame, "choices": [choice]})]

    def usage(self, plan: Plan, body: Any) -> dict[str, Any]:
        told = super().usage(plan, body)
        return {name: told[name] for name in ("prompt_tokens", "completion_tokens", "total_tokens")}


def _choice(delta: dict[str, Any], finish: str | None) -> dict[str, Any]:
    return {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}


def _finish(plan: Plan) -> str:
    return "tool_calls" if plan.calls else "stop"


class Groq(Chat):
    """Thinks in `reasoning`, and gives the arguments of a call in one piece together with its name."""

    name = "Groq"
    host = "api.groq.com"
    row = {"type": "groq"}
    model = "openai/gpt-oss-120b"
    path = "/openai/v1/chat/completions"
    limits = Limits(65536, sees=True)
    thoughts = "reasoning"
    in_one_piece = True

    def call_id(self, number: int, call: Call) -> str:
        return self.new_id("fc_")

    def failure(self, kind: str) -> tuple[int, Any]:
        status, body = super().failure(kind)
        if kind == "context":
            body["error"] |= {
                "message": "Please reduce the length of the messages or completion.",
                "code": "context_length_exceeded",
            }
        return status, body
