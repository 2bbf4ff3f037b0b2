"""Google's Gemini API: gemini_check.py says what it refuses. Its streams are bare `data:` lines that end with CRLF."""

from __future__ import annotations

import json
import re
from typing import Any
from urllib.parse import parse_qs, urlsplit

from stage.upstream import Peer, Received
from stage.vendors.gemini_check import call_signature, camel, check
from stage.vendors.model import ANY, AUTO, NONE, Asked, Plan, Tool, pieces, tokens
from stage.vendors.vendor import RefusedError, Vendor, texts

_PATH = re.compile(r"/v1(?:beta)?/models(?:/([^:/]+))?(?::(\w+))?")
OPENAI_MODELS = "/v1beta/openai/models"
"""Where Google lists them in OpenAI's form."""
_STATUSES = {400: "INVALID_ARGUMENT", 401: "UNAUTHENTICATED", 404: "NOT_FOUND", 429: "RESOURCE_EXHAUSTED"}


class Gemini(Vendor):
    name = "Gemini"
    host = "generativelanguage.googleapis.com"
    row = {"type": "gemini"}
    model = "gemini-3-pro-preview"

    def path_is_known(self, path: str) -> bool:
        if path == OPENAI_MODELS:
            return True
        found = _PATH.fullmatch(path)
        return found is not None and found[2] in (None, "generateContent", "streamGenerateContent", "countTokens")

    def key(self, request: Received) -> str:
        return request.headers.get("x-goog-api-key") or super().key(request)

    def check(self, request: Received, body: Any) -> None:
        url = urlsplit(request.target)
        if "key" in parse_qs(url.query):
            raise RefusedError("The key of somebody else stands in the URL.")
        found = _PATH.fullmatch(url.path)
        if found and found[2] != "countTokens":
            check(body, signs=str(found[1]).startswith("gemini-3"))
        elif {"contents", "generateContentRequest"} & body.keys() == set():
            raise RefusedError("* CountTokensRequest.contents: contents is not specified")

    def other(self, request: Received, path: str, body: Any) -> Any:
        if path.endswith(":countTokens"):
            return {"totalTokens": tokens(body)}
        if request.method != "GET":
            return None
        if path == OPENAI_MODELS:
            return {"object": "list", "data": [{"id": f"models/{self.model}", "object": "model", "owned_by": "google"}]}
        model = {"name": f"models/{self.model}", "version": "1", "displayName": "Gemini", "inputTokenLimit": 1048576}
        model |= {"outputTokenLimit": 65536, "supportedGenerationMethods": ["generateContent", "countTokens"]}
        return {"models": [model]} if path.endswith("/models") else model

    def streams(self, request: Received, body: Any) -> bool:
        return ":streamGenerateContent" in request.target

    def asked(self, body: Any) -> Asked:
        body = camel(body)
        results: list[str] = []
        prompt: list[str] = []
        for content in body["contents"]:
            if content.get("role") == "model":
                results, prompt = [], []
                continue
            prompt.append(texts(content["parts"]))
            said = [part["functionResponse"]["response"] for part in content["parts"] if "functionResponse" in part]
            results += [_result(response) for response in said]
        declared = [tool for tools in body.get("tools") or () for tool in tools.get("functionDeclarations") or ()]
        tools = [Tool(t["name"], t.get("parametersJsonSchema") or t.get("parameters") or {}) for t in declared]
        calling = (body.get("toolConfig") or {}).get("functionCallingConfig") or {}
        choice = {"ANY": ANY, "NONE": NONE}.get(str(calling.get("mode", "")).upper(), AUTO)
        if choice == ANY and len(calling.get("allowedFunctionNames") or ()) == 1:
            choice = calling["allowedFunctionNames"][0]
        return Asked("\n".join(prompt), results, tools, choice, _schema(body.get("generationConfig") or {}))

    def whole(self, plan: Plan, body: Any) -> Any:
        thoughts, parts = self._thoughts(plan, body), [{"text": plan.text}] if plan.text else []
        return self._answer(plan, body, [*thoughts, *parts, *self._calls(plan)], "STOP")

    def events(self, plan: Plan, body: Any) -> list[bytes]:
        said = [[part] for part in self._thoughts(plan, body)]
        said += [[{"text": piece}] for piece in pieces(plan.text) if piece]
        said += [[part] for part in self._calls(plan)]
        chunks = [self._answer(plan, body, parts, "") for parts in said]
        if not plan.fails:
            chunks.append(self._answer(plan, body, [{"text": ""}], "STOP"))
        events = [b"data: " + json.dumps(chunk, ensure_ascii=False).encode() + b"\r\n\r\n" for chunk in chunks]
        error = [json.dumps(self.failure(plan.fails)[1], indent=2).encode()] if plan.fails else []
        return [*events, *error]  # an error is in no `data:` line

    async def _answer_array(self, peer: Peer, plan: Plan, body: Any) -> None:
        events = [event.strip().removeprefix(b"data: ") for event in self.events(plan, body)]
        await peer.begin(headers={"Content-Type": "application/json; charset=UTF-8"})
        for number, event in enumerate(events):
            await peer.piece((b"," if number else b"[") + event + b"\r\n")
        await peer.piece(b"]")
        await peer.end()

    async def _answer_events(self, peer: Peer, body: Any, plan: Plan) -> None:
        if "alt=sse" in peer.request.target:
            await super()._answer_events(peer, body, plan)
        else:
            await self._answer_array(peer, plan, body)

    def failure(self, kind: str) -> tuple[int, Any]:
        status, name, message = {
            "key": (400, "INVALID_ARGUMENT", "API key not valid. Please pass a valid API key."),
            "rate": (429, "RESOURCE_EXHAUSTED", "You exceeded your current quota, please check your plan."),
            "context": (
                400,
                "INVALID_ARGUMENT",
                "The input token count (1200000) exceeds the maximum number of tokens allowed (1048576).",
            ),
            "overloaded": (503, "UNAVAILABLE", "The model is overloaded. Please try again later."),
            "broken": (500, "INTERNAL", "An internal error has occurred."),
        }[kind]
        error: dict[str, Any] = {"code": status, "message": message, "status": name}
        if kind == "key":
            error["details"] = [{"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "API_KEY_INVALID"}]
        if kind == "rate":
            error["details"] = [{"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "1s"}]
        return status, {"error": error}

    def refusal(self, error: RefusedError) -> Any:
        return {"error": {"code": error.status, "message": str(error), "status": _STATUSES[error.status]}}

    def _thoughts(self, plan: Plan, body: Any) -> list[dict[str, Any]]:
        thinking = (camel(body).get("generationConfig") or {}).get("thinkingConfig") or {}
        return [{"text": plan.thought, "thought": True}] if plan.thought and thinking.get("includeThoughts") else []

    def _calls(self, plan: Plan) -> list[dict[str, Any]]:
        """The first call is signed."""
        parts: list[dict[str, Any]] = [{"functionCall": {"name": c.tool.name, "args": c.arguments}} for c in plan.calls]
        for part in parts[:1]:
            part["thoughtSignature"] = call_signature(part["functionCall"]["name"], part["functionCall"]["args"])
        return parts

    def _answer(self, plan: Plan, body: Any, parts: list[dict[str, Any]], finish: str) -> dict[str, Any]:
        asked, thought = tokens(body), tokens(plan.thought) if plan.thought else 0
        answered = tokens(plan.text + str(plan.calls))
        usage = {
            "promptTokenCount": asked, "candidatesTokenCount": answered, "totalTokenCount": asked + answered + thought,
            "cachedContentTokenCount": asked // 2, "thoughtsTokenCount": thought,
        }  # fmt: skip
        candidate: dict[str, Any] = {"content": {"parts": parts, "role": "model"}, "index": 0}
        if finish:
            candidate["finishReason"] = finish
        return {
            "candidates": [candidate], "usageMetadata": usage, "modelVersion": self.model,
            "responseId": self.new_id("r"),
        }  # fmt: skip


def _schema(wanted: dict[str, Any]) -> dict[str, Any] | None:
    if wanted.get("responseMimeType") != "application/json":
        return None
    return wanted.get("responseJsonSchema") or wanted.get("responseSchema") or {}


def _result(response: dict[str, Any]) -> str:
    """What a tool said: of an object with one text this text."""
    values = list(response.values())
    return values[0] if len(values) == 1 and isinstance(values[0], str) else json.dumps(response)
