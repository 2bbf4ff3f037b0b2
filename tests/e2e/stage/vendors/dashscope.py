"""Alibaba Cloud's Qwen models at DashScope's own API, text generation."""

from __future__ import annotations

import json
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct
from stage.upstream import Received
from stage.vendors.chat_check import Answered as ChatAnswered
from stage.vendors.chat_check import Assistant, FunctionTool, Part, System, ThisTool
from stage.vendors.chat_check import Message as ChatMessage
from stage.vendors.model import AUTO, Asked, Plan, Tool, pieces, tokens
from stage.vendors.vendor import RefusedError, Vendor, fits, texts

PATH = "/api/v1/services/aigc/text-generation/generation"


class User(ChatMessage, tag="user", kw_only=True):
    content: str | list[Part]


class Input(Struct, forbid_unknown_fields=True):
    messages: Annotated[list[System | User | Assistant | ChatAnswered], Meta(min_length=1)]


class Format(Struct, forbid_unknown_fields=True):
    type: Literal["text", "json_object"]


class Parameters(Struct, forbid_unknown_fields=True):
    result_format: Literal["message"]
    incremental_output: bool | None = None
    tools: list[FunctionTool] | None = None
    tool_choice: Literal["auto", "none"] | ThisTool | None = None
    parallel_tool_calls: bool | None = None
    max_tokens: Annotated[int, Meta(ge=1, le=65536)] | None = None
    temperature: Annotated[float, Meta(ge=0, lt=2)] | None = None
    top_p: Annotated[float, Meta(gt=0, lt=1)] | None = None
    top_k: int | None = None
    seed: int | None = None
    n: int | None = None
    stop: str | list[str] | None = None
    presence_penalty: float | None = None
    repetition_penalty: float | None = None
    response_format: Format | None = None
    enable_thinking: bool | None = None
    thinking_budget: int | None = None
    enable_search: bool | None = None
    logprobs: bool | None = None
    top_logprobs: int | None = None


class Request(Struct, forbid_unknown_fields=True):
    model: str
    input: Input
    parameters: Parameters


class DashScope(Vendor):
    name = "DashScope"
    host = "dashscope.aliyuncs.com"
    row = {"type": "qwen", "qwenEnableCompatible": False}
    model = "qwen-max"

    def path_is_known(self, path: str) -> bool:
        return path == PATH

    def check(self, request: Received, body: Any) -> None:
        asked = fits(body, Request)
        waiting: list[str] = []
        for message in asked.input.messages:
            if isinstance(message, ChatAnswered):
                if message.tool_call_id not in waiting:
                    raise RefusedError(
                        'messages with role "tool" must be a response to a preceeding message with "tool_calls".'
                    )
                waiting.remove(message.tool_call_id)
            elif waiting:
                raise RefusedError('An assistant message with "tool_calls" must be followed by tool messages.')
            elif isinstance(message, Assistant):
                waiting = [call.id for call in message.tool_calls or ()]
        if waiting:
            raise RefusedError('An assistant message with "tool_calls" must be followed by tool messages.')

    def streams(self, request: Received, body: Any) -> bool:
        return request.headers.get("x-dashscope-sse") == "enable"

    def asked(self, body: Any) -> Asked:
        results: list[str] = []
        prompt: list[str] = []
        for message in body["input"]["messages"]:
            if message["role"] == "assistant":
                results, prompt = [], []
            elif message["role"] == "tool":
                results.append(texts(message["content"]))
            elif message["role"] == "user":
                prompt.append(texts(message["content"]))
        settings = body["parameters"]
        functions = [tool["function"] for tool in settings.get("tools") or ()]
        tools = [Tool(function["name"], function.get("parameters") or {}) for function in functions]
        choice = settings.get("tool_choice") or AUTO
        choice = choice["function"]["name"] if isinstance(choice, dict) else choice
        wants_json = (settings.get("response_format") or {}).get("type") == "json_object"
        return Asked("\n".join(prompt), results, tools, choice, {} if wants_json else None)

    def whole(self, plan: Plan, body: Any) -> Any:
        finish = "tool_calls" if plan.calls else "stop"
        return self._answer(plan, body, {"content": plan.text, **self._calls(plan)}, finish)

    def events(self, plan: Plan, body: Any) -> list[bytes]:
        incremental = body["parameters"].get("incremental_output") or bool(plan.calls)
        said, so_far = [], ""
        for piece in pieces(plan.text):
            so_far += piece
            said.append(self._answer(plan, body, {"content": piece if incremental else so_far}, "null"))
        end = {"content": "" if incremental else so_far, **self._calls(plan)}
        said.append(self._answer(plan, body, end, "tool_calls" if plan.calls else "stop"))
        told = [_event(number, "result", 200, answer) for number, answer in enumerate(said, 1)]
        if plan.fails:
            status, error = self.failure(plan.fails)
            told[-1] = _event(len(told), "error", status, error)
        return told

    def failure(self, kind: str) -> tuple[int, Any]:
        status, code, message = {
            "key": (401, "InvalidApiKey", "Invalid API-key provided."),
            "rate": (429, "Throttling.RateQuota", "Requests rate limit exceeded, please try again later."),
            "context": (400, "InvalidParameter", "Range of input length should be [1, 129024]"),
            "overloaded": (503, "ServiceUnavailable", "Service is temporarily unavailable."),
            "broken": (500, "InternalError", "An internal error has occured, please try again later."),
        }[kind]
        return status, {"code": code, "message": message, "request_id": self.new_id("")}

    def refusal(self, error: RefusedError) -> Any:
        code = {401: "InvalidApiKey", 404: "InvalidURL"}.get(error.status, "InvalidParameter")
        return {"code": code, "message": str(error), "request_id": self.new_id("")}

    def _calls(self, plan: Plan) -> dict[str, Any]:
        calls = [
            {
                "index": number, "id": self.new_id("call_"), "type": "function",
                "function": {"name": call.tool.name, "arguments": json.dumps(call.arguments)},
            }
            for number, call in enumerate(plan.calls)
        ]  # fmt: skip
        return {"tool_calls": calls} if calls else {}

    def _answer(self, plan: Plan, body: Any, message: dict[str, Any], finish: str) -> dict[str, Any]:
        asked, answered = tokens(body["input"]), tokens(plan.text + str(plan.calls))
        usage = {"input_tokens": asked, "output_tokens": answered, "total_tokens": asked + answered}
        choice = {"message": {"role": "assistant", **message}, "finish_reason": finish}
        return {"output": {"choices": [choice]}, "usage": usage, "request_id": self.new_id("")}


def _event(number: int, kind: str, status: int, answer: Any) -> bytes:
    return f"id:{number}\nevent:{kind}\n:HTTP_STATUS/{status}\ndata:{json.dumps(answer)}\n\n".encode()
