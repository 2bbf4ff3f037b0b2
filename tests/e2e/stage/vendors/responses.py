"""A provider whose models are at OpenAI's Responses API only, as OpenAI's models for Codex are: responses_check.py says what it refuses."""

from __future__ import annotations

import json
from typing import Any

from stage.upstream import Peer, Received
from stage.vendors.model import ANY, AUTO, Asked, Call, Plan, Tool, pieces, tokens
from stage.vendors.responses_check import check, sealed
from stage.vendors.vendor import RefusedError, Vendor

PATH, CHAT, MODELS = "/v1/responses", "/v1/chat/completions", "/v1/models"


class Responses(Vendor):
    name = "OpenAI"
    host = "api.openai.com"
    row = {"type": "openai"}
    model = "gpt-5.6-pro"

    def path_is_known(self, path: str) -> bool:
        return path in (PATH, CHAT, MODELS)

    def other(self, request: Received, path: str, body: Any) -> Any:
        model = {"id": self.model, "object": "model", "created": 1700000000, "owned_by": "openai"}
        return {"object": "list", "data": [model]} if path == MODELS else None

    def check(self, request: Received, body: Any) -> None:
        if request.target.partition("?")[0] == CHAT:
            raise RefusedError("This model is only supported in v1/responses and not in v1/chat/completions.", 404)
        check(body)

    def asked(self, body: Any) -> Asked:
        items = body["input"] if isinstance(body["input"], list) else [{"role": "user", "content": body["input"]}]
        results: list[str] = []
        prompt: list[str] = []
        declared = list(body.get("tools") or ())
        for item in items:
            kind = item.get("type", "message")
            if kind in ("function_call", "custom_tool_call") or item.get("role") == "assistant":
                results, prompt = [], []
            elif kind.endswith("_output"):
                results.append(_text(item["output"]))
            elif kind == "additional_tools":
                declared += item["tools"]
            elif item.get("role") == "user":
                prompt.append(_text(item["content"]))
        choice = body.get("tool_choice") or AUTO
        choice = choice.get("name", ANY) if isinstance(choice, dict) else ANY if choice == "required" else choice
        wanted = (body.get("text") or {}).get("format") or {}
        schema = {"json_schema": wanted.get("schema"), "json_object": {}}.get(wanted.get("type"))
        return Asked("\n".join(prompt), results, list(_tools(declared)), choice, schema)

    def whole(self, plan: Plan, body: Any) -> Any:
        return self._response(body, "completed", self._items(plan, body), self._usage(plan, body))

    def events(self, plan: Plan, body: Any) -> list[bytes]:
        begun = self._response(body, "in_progress", [], None)
        told: list[dict[str, Any]] = [
            {"type": f"response.{kind}", "response": begun} for kind in ("created", "in_progress")
        ]
        items = self._items(plan, body)
        for number, item in enumerate(items):
            told += [{"output_index": number, **event} for event in _item_events(item)]
        if plan.fails:
            told = told[:-3]
            failed = self.failure(plan.fails)[1]["error"]
            error = {"code": failed["code"] or "server_error", "message": failed["message"]}
            told.append({"type": "response.failed", "response": {**begun, "status": "failed", "error": error}})
        else:
            whole = {**begun, "status": "completed", "output": items, "usage": self._usage(plan, body)}
            told.append({"type": "response.completed", "response": whole})
        return [_event({**event, "sequence_number": number}) for number, event in enumerate(told)]

    async def fail(self, peer: Peer, body: Any, kind: str) -> None:
        """A stream is told in itself that its prompt is too long."""
        if kind == "context" and body.get("stream"):
            await self._answer_events(peer, body, Plan(fails=kind, late=True))
        else:
            await super().fail(peer, body, kind)

    def failure(self, kind: str) -> tuple[int, Any]:
        status, name, code, message = {
            "key": (401, "invalid_request_error", "invalid_api_key", "Incorrect API key provided: sk-pr*****ider."),
            "rate": (429, "requests", "rate_limit_exceeded", "Rate limit reached for gpt-5.6. Please try again in 1s."),
            "context": (
                400,
                "invalid_request_error",
                "context_length_exceeded",
                "Your input exceeds the context window of this model. Please adjust your input and try again.",
            ),
            "overloaded": (503, "server_error", None, "The server is overloaded or not ready yet."),
            "broken": (500, "server_error", None, "The server had an error while processing your request. Sorry!"),
        }[kind]
        return status, {"error": {"message": message, "type": name, "param": None, "code": code}}

    def refusal(self, error: RefusedError) -> Any:
        return {"error": {"message": str(error), "type": "invalid_request_error", "param": None, "code": None}}

    def _items(self, plan: Plan, body: Any) -> list[dict[str, Any]]:
        items: list[dict[str, Any]] = []
        if plan.thought:
            item = {
                "type": "reasoning",
                "id": self.new_id("rs_"),
                "summary": [{"type": "summary_text", "text": plan.thought}],
            }
            if "reasoning.encrypted_content" in (body.get("include") or ()):
                item["encrypted_content"] = sealed(str(item["id"]))
            items.append(item)
        if plan.text:
            part = {"type": "output_text", "text": plan.text, "annotations": [], "logprobs": []}
            items.append({
                "type": "message", "id": self.new_id("msg_"), "status": "completed", "role": "assistant", "content": [part]
            })  # fmt: skip
        return items + [self._call(call) for call in plan.calls]

    def _call(self, call: Call) -> dict[str, Any]:
        same = {"call_id": self.new_id("call_"), "name": call.tool.name, "status": "completed"}
        if call.tool.free:
            return {"type": "custom_tool_call", "id": self.new_id("ctc_"), **same, "input": call.arguments}
        return {"type": "function_call", "id": self.new_id("fc_"), **same, "arguments": json.dumps(call.arguments)}

    def _response(self, body: Any, status: str, output: list[Any], usage: Any) -> dict[str, Any]:
        return {
            "id": self.new_id("resp_"), "object": "response", "created_at": 1700000000, "status": status, "error": None,
            "incomplete_details": None, "instructions": body.get("instructions"), "model": body["model"],
            "output": output, "usage": usage, "parallel_tool_calls": True, "tool_choice": "auto", "tools": [],
            "store": bool(body.get("store", True)), "temperature": 1.0, "top_p": 1.0, "metadata": {},
        }  # fmt: skip

    def _usage(self, plan: Plan, body: Any) -> dict[str, Any]:
        asked, thought = tokens([body["input"], body.get("tools")]), tokens(plan.thought) if plan.thought else 0
        answered = tokens(plan.text + str(plan.calls)) + thought
        return {
            "input_tokens": asked, "input_tokens_details": {"cached_tokens": asked // 2},
            "output_tokens": answered, "output_tokens_details": {"reasoning_tokens": thought},
            "total_tokens": asked + answered,
        }  # fmt: skip


def _item_events(item: dict[str, Any]) -> list[dict[str, Any]]:
    """Those of one item, from its beginning to its end."""
    place = {"item_id": item["id"]}
    empty = {"arguments": "", "input": "", "content": [], "summary": [], "status": "in_progress"}
    added = {name: empty.get(name, value) for name, value in item.items()}
    middle: list[dict[str, Any]]
    if item["type"] == "message":
        part, at = item["content"][0], {**place, "content_index": 0}
        middle = [{"type": "response.content_part.added", **at, "part": {**part, "text": ""}}]
        middle += [
            {"type": "response.output_text.delta", **at, "delta": p, "logprobs": []} for p in pieces(part["text"])
        ]
        middle += [{"type": "response.output_text.done", **at, "text": part["text"], "logprobs": []}]
        middle += [{"type": "response.content_part.done", **at, "part": part}]
    elif item["type"] == "reasoning":
        part, at = item["summary"][0], {**place, "summary_index": 0}
        middle = [{"type": "response.reasoning_summary_part.added", **at, "part": {**part, "text": ""}}]
        middle += [{"type": "response.reasoning_summary_text.delta", **at, "delta": p} for p in pieces(part["text"])]
        middle += [{"type": "response.reasoning_summary_text.done", **at, "text": part["text"]}]
        middle += [{"type": "response.reasoning_summary_part.done", **at, "part": part}]
    else:
        free = item["type"] == "custom_tool_call"
        name, text = ("custom_tool_call_input", "input") if free else ("function_call_arguments", "arguments")
        middle = [{"type": f"response.{name}.delta", **place, "delta": piece} for piece in pieces(item[text])]
        middle += [{"type": f"response.{name}.done", **place, text: item[text]}]
    added_event = {"type": "response.output_item.added", "item": added}
    return [added_event, *middle, {"type": "response.output_item.done", "item": item}]


def _event(event: dict[str, Any]) -> bytes:
    return f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode()


def _text(content: Any) -> str:
    if isinstance(content, str):
        return content
    return "\n".join(part.get("text") or f"[{part['type'].removeprefix('input_')}]" for part in content)


def _tools(declared: list[Any]) -> Any:
    for tool in declared:
        if tool["type"] == "namespace":
            yield from _tools(tool["tools"])
        elif tool["type"] in ("function", "custom"):
            yield Tool(tool["name"], tool.get("parameters") or {}, free=tool["type"] == "custom")
