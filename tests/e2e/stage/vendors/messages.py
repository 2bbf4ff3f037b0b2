"""Anthropic's Messages API: messages_check.py says what it refuses."""

from __future__ import annotations

import json
from typing import Any

from stage.upstream import Received
from stage.vendors.messages_check import Counted, check, check_turns
from stage.vendors.model import ANY, AUTO, THOUGHT, Asked, Call, Plan, Tool, pieces, tokens
from stage.vendors.signatures import signature
from stage.vendors.vendor import RefusedError, Vendor, fits, texts

PATH, COUNT, MODELS = "/v1/messages", "/v1/messages/count_tokens", "/v1/models"


class Messages(Vendor):
    name = "Anthropic"
    host = "api.anthropic.com"
    row = {"type": "claude"}
    model = "claude-sonnet-4-5"

    def path_is_known(self, path: str) -> bool:
        return path in (PATH, COUNT, MODELS)

    def key(self, request: Received) -> str:
        return request.headers.get("x-api-key") or super().key(request)

    def other(self, request: Received, path: str, body: Any) -> Any:
        if path == COUNT:
            return {"input_tokens": tokens(body)}
        if path == MODELS:
            model = {"type": "model", "id": self.model, "display_name": "Claude", "created_at": "2025-09-29T00:00:00Z"}
            return {"data": [model], "has_more": False, "first_id": self.model, "last_id": self.model}
        return None

    def check(self, request: Received, body: Any) -> None:
        if "anthropic-version" not in request.headers:
            raise RefusedError("anthropic-version: header is required")
        if request.target.partition("?")[0] == COUNT:
            check_turns(fits(body, Counted))
        else:
            check(body, request.headers.get("anthropic-beta", ""))

    def asked(self, body: Any) -> Asked:
        results: list[str] = []
        prompt: list[str] = []
        for message in body["messages"]:
            content = message["content"]
            if message["role"] == "assistant":
                results, prompt = [], []
            elif message["role"] == "user":
                prompt.append(texts(content))
                results += [_result(block) for block in content if _is(block, "tool_result")]
        tools = [Tool(tool["name"], tool["input_schema"]) for tool in body.get("tools") or ()]
        choice = body.get("tool_choice") or {"type": AUTO}
        schema = ((body.get("output_config") or {}).get("format") or {}).get("schema")
        kind = {"any": ANY, "tool": choice.get("name")}.get(choice["type"], choice["type"])
        return Asked("\n".join(prompt), results, tools, kind, schema)

    def whole(self, plan: Plan, body: Any) -> Any:
        message = self._message(body, self._blocks(plan, body))
        return {**message, "stop_reason": _stop(plan), "stop_sequence": None, "usage": self._usage(plan, body)}

    def events(self, plan: Plan, body: Any) -> list[bytes]:
        usage = {**self._usage(plan, body), "output_tokens": 1}
        message = {**self._message(body, []), "stop_reason": None, "stop_sequence": None, "usage": usage}
        said = [_event("message_start", message=message), _event("ping")]
        blocks = self._blocks(plan, body)
        for index, block in enumerate(blocks):
            said.append(_event("content_block_start", index=index, content_block=_empty(block)))
            said += [_event("content_block_delta", index=index, delta=delta) for delta in _deltas(block)]
            if not (plan.fails and index == len(blocks) - 1):
                said.append(_event("content_block_stop", index=index))
        if plan.fails:
            return [*said, _event("error", **self.failure(plan.fails)[1])]
        delta = {"stop_reason": _stop(plan), "stop_sequence": None}
        end = _event("message_delta", delta=delta, usage={"output_tokens": self._usage(plan, body)["output_tokens"]})
        return [*said, end, _event("message_stop")]

    def failure(self, kind: str) -> tuple[int, Any]:
        status, name, message = {
            "key": (401, "authentication_error", "invalid x-api-key"),
            "rate": (429, "rate_limit_error", "This request would exceed your organization's rate limit."),
            "context": (400, "invalid_request_error", "prompt is too long: 213721 tokens > 200000 maximum"),
            "overloaded": (529, "overloaded_error", "Overloaded"),
            "broken": (500, "api_error", "Internal server error"),
        }[kind]
        return status, self._error(name, message)

    def refusal(self, error: RefusedError) -> Any:
        names = {401: "authentication_error", 404: "not_found_error"}
        return self._error(names.get(error.status, "invalid_request_error"), str(error))

    def _error(self, kind: str, message: str) -> dict[str, Any]:
        return {"type": "error", "error": {"type": kind, "message": message}, "request_id": self.new_id("req_")}

    def _message(self, body: Any, content: list[Any]) -> dict[str, Any]:
        return {
            "id": self.new_id("msg_"), "type": "message", "role": "assistant", "model": body["model"], "content": content,
        }  # fmt: skip

    def _blocks(self, plan: Plan, body: Any) -> list[dict[str, Any]]:
        thinking = (body.get("thinking") or {}).get("type")
        thought = plan.thought or (THOUGHT if thinking == "enabled" else "")
        blocks: list[dict[str, Any]] = []
        if thought and thinking in ("enabled", "adaptive"):
            blocks.append({"type": "thinking", "thinking": thought, "signature": signature(thought)})
        if plan.text:
            blocks.append({"type": "text", "text": plan.text})
        return blocks + [self._call(call) for call in plan.calls]

    def _call(self, call: Call) -> dict[str, Any]:
        return {"type": "tool_use", "id": self.new_id("toolu_"), "name": call.tool.name, "input": call.arguments}

    def _usage(self, plan: Plan, body: Any) -> dict[str, Any]:
        asked = tokens([body.get("system"), body["messages"], body.get("tools")])
        return {
            "input_tokens": asked - asked // 2, "cache_creation_input_tokens": 0, "cache_read_input_tokens": asked // 2,
            "output_tokens": tokens(plan.text + plan.thought + str(plan.calls)), "service_tier": "standard",
        }  # fmt: skip


def _event(kind: str, **fields: Any) -> bytes:
    return f"event: {kind}\ndata: {json.dumps({'type': kind, **fields})}\n\n".encode()


def _empty(block: dict[str, Any]) -> dict[str, Any]:
    empty: dict[str, Any] = {"text": "", "thinking": "", "signature": "", "input": {}}
    return {name: empty.get(name, value) if name != "type" else value for name, value in block.items()}


def _deltas(block: dict[str, Any]) -> list[dict[str, Any]]:
    if block["type"] == "text":
        return [{"type": "text_delta", "text": piece} for piece in pieces(block["text"])]
    if block["type"] == "thinking":
        thoughts = [{"type": "thinking_delta", "thinking": piece} for piece in pieces(block["thinking"])]
        return [*thoughts, {"type": "signature_delta", "signature": block["signature"]}]
    return [{"type": "input_json_delta", "partial_json": piece} for piece in ("", *pieces(json.dumps(block["input"])))]


def _stop(plan: Plan) -> str:
    return "tool_use" if plan.calls else "end_turn"


def _is(block: Any, kind: str) -> bool:
    return isinstance(block, dict) and block["type"] == kind


def _result(block: dict[str, Any]) -> str:
    images = sum(_is(part, "image") for part in block.get("content") or ())
    return texts(block.get("content")) + images * "[image]" + ("[error]" if block.get("is_error") else "")
