"""Amazon Bedrock's Converse and ConverseStream, with the signature that each request must have."""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from collections.abc import Mapping
from typing import Any, ClassVar
from urllib.parse import quote, unquote

from aws_messages import encode_message
from msgspec import Struct
from stage.upstream import Received
from stage.vendors.model import ANY, AUTO, Asked, Call, Plan, Tool, pieces, tokens
from stage.vendors.vendor import KEY, RefusedError, Vendor, fits

from aigw.dialects.aws_events import CONTENT_TYPE

ACCESS, SECRET, REGION = "AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", "us-east-1"
HOST = f"bedrock-runtime.{REGION}.amazonaws.com"
PATH = re.compile(r"/model/([^/]+)/converse(-stream)?\Z")
_ID = re.compile(r"[a-zA-Z0-9_-]{1,64}\Z")


class Body(Struct, forbid_unknown_fields=True, kw_only=True):
    messages: list[dict[str, Any]]
    system: list[dict[str, Any]] = []
    inferenceConfig: dict[str, Any] = {}  # noqa: N815
    toolConfig: dict[str, Any] = {}  # noqa: N815
    additionalModelRequestFields: dict[str, Any] = {}  # noqa: N815


class Bedrock(Vendor):
    name = "Bedrock"
    host = HOST
    row = {"type": "bedrock", "awsAccessKey": ACCESS, "awsSecretKey": SECRET, "awsRegion": REGION}
    model = "anthropic.claude-sonnet-4-5-v1:0"
    stream_headers: ClassVar[dict[str, str]] = {"Content-Type": CONTENT_TYPE}

    def config(self, url: str, **more: Any) -> dict[str, Any]:
        config = super().config(url, **more)
        del config["plugins"]["ai-proxy"]["provider"]["apiTokens"]
        return config

    def path_is_known(self, path: str) -> bool:
        return PATH.match(path) is not None

    def key(self, request: Received) -> str:
        return signature_of(request, SECRET) or super().key(request)

    def check(self, request: Received, body: Any) -> None:
        given = fits(body, Body)
        found = PATH.match(request.target)
        if found is None or unquote(found[1]) != self.model:
            raise RefusedError("The provided model identifier is invalid.")
        roles = [message["role"] for message in given.messages]
        if roles != [("user", "assistant")[at % 2] for at in range(len(roles))]:
            raise RefusedError("A conversation must alternate between user and assistant roles.")
        blocks = [block for message in given.messages for block in message["content"]]
        if not given.toolConfig.get("tools") and any("toolUse" in block for block in blocks):
            raise RefusedError("The toolConfig field must be defined when using toolUse and toolResult content blocks.")
        open_: list[str] = []
        for message in given.messages:
            if not message["content"]:
                raise RefusedError("The content field in the Message object is empty.")
            results = [block["toolResult"]["toolUseId"] for block in message["content"] if "toolResult" in block]
            if results != open_:
                raise RefusedError("The number of toolResult blocks is not that of the toolUse blocks.")
            if any("text" in block and not block["text"].strip() for block in message["content"]):
                raise RefusedError("The text field in the ContentBlock object is blank.")
            open_ = [block["toolUse"]["toolUseId"] for block in message["content"] if "toolUse" in block]
            if any(not _ID.match(id) for id in open_) or len(set(open_)) != len(open_):
                raise RefusedError("toolUseId failed to satisfy the constraint")

    def asked(self, body: Any) -> Asked:
        last = body["messages"][-1]["content"]
        prompt = [block["text"] for block in last if "text" in block]
        results = [
            "\n".join(part.get("text", "") for part in block["toolResult"]["content"])
            for block in last
            if "toolResult" in block
        ]
        config = body.get("toolConfig") or {}
        specs = [tool["toolSpec"] for tool in config.get("tools") or () if "toolSpec" in tool]
        tools = [Tool(spec["name"], spec["inputSchema"]["json"]) for spec in specs]
        choice = config.get("toolChoice") or {"auto": {}}
        kind = ANY if "any" in choice else choice["tool"]["name"] if "tool" in choice else AUTO
        return Asked("\n".join(prompt), results, tools, kind)

    def streams(self, request: Received, body: Any) -> bool:
        return request.target.endswith("-stream")

    def whole(self, plan: Plan, body: Any) -> Any:
        message = {"role": "assistant", "content": self._blocks(plan)}
        return {
            "output": {"message": message},
            "stopReason": _stop(plan),
            "usage": self._usage(plan, body),
            "metrics": {"latencyMs": 1},
        }

    def events(self, plan: Plan, body: Any) -> list[bytes]:
        said = [_event("messageStart", role="assistant")]
        for index, block in enumerate(self._blocks(plan)):
            if "toolUse" in block:
                start = {"toolUse": {"toolUseId": block["toolUse"]["toolUseId"], "name": block["toolUse"]["name"]}}
                said.append(_event("contentBlockStart", contentBlockIndex=index, start=start))
            said += [
                _event("contentBlockDelta", contentBlockIndex=index, delta=delta, p="abcd") for delta in _deltas(block)
            ]
            said.append(_event("contentBlockStop", contentBlockIndex=index))
        if plan.fails:
            kind, message = _FAILURES[plan.fails][1:]
            payload = json.dumps({"message": message}).encode()
            return [*said[:-1], encode_message(payload, exception_type=kind, message_type="exception")]
        usage = _event("metadata", usage=self._usage(plan, body), metrics={"latencyMs": 1})
        return [*said, _event("messageStop", stopReason=_stop(plan)), usage]

    def failure(self, kind: str) -> tuple[int, Any]:
        status, _, message = _FAILURES[kind]
        return status, {"message": message}

    def refusal(self, error: RefusedError) -> Any:
        return {"message": str(error)}

    def _blocks(self, plan: Plan) -> list[dict[str, Any]]:
        thought = {"reasoningText": {"text": plan.thought, "signature": "c2lnbmVk"}}
        blocks: list[dict[str, Any]] = [{"reasoningContent": thought}] if plan.thought else []
        blocks += [{"text": plan.text}] if plan.text else []
        return blocks + [self._call(call) for call in plan.calls]

    def _call(self, call: Call) -> dict[str, Any]:
        return {"toolUse": {"toolUseId": self.new_id("tooluse_"), "name": call.tool.name, "input": call.arguments}}

    def _usage(self, plan: Plan, body: Any) -> dict[str, Any]:
        asked, made = tokens([body.get("system"), body["messages"]]), tokens(plan.text + str(plan.calls))
        return {"inputTokens": asked, "outputTokens": made, "totalTokens": asked + made}


_FAILURES: Mapping[str, tuple[int, str, str]] = {
    "key": (403, "accessDeniedException", "The security token included in the request is invalid."),
    "rate": (429, "throttlingException", "Too many requests, please wait before trying again."),
    "context": (400, "validationException", "Input is too long for requested model."),
    "overloaded": (503, "serviceUnavailableException", "Bedrock is unable to process your request."),
    "broken": (500, "internalServerException", "The system encountered an unexpected error."),
}


def _stop(plan: Plan) -> str:
    return "tool_use" if plan.calls else "end_turn"


def _event(kind: str, **fields: Any) -> bytes:
    head = {"event_type": kind, "content_type": "application/json", "message_type": "event"}
    return encode_message(json.dumps(fields).encode(), **head)


def _deltas(block: dict[str, Any]) -> list[dict[str, Any]]:
    if "text" in block:
        return [{"text": piece} for piece in pieces(block["text"])]
    if "toolUse" in block:
        return [{"toolUse": {"input": piece}} for piece in pieces(json.dumps(block["toolUse"]["input"]))]
    thought = block["reasoningContent"]["reasoningText"]
    said = [{"reasoningContent": {"text": piece}} for piece in pieces(thought["text"])]
    return [*said, {"reasoningContent": {"signature": thought["signature"]}}]


def signature_of(request: Received, secret: str) -> str:
    """KEY if the request has the signature that belongs to it, else "". As AWS writes it down:
    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html"""
    found = re.match(
        r"AWS4-HMAC-SHA256 Credential=([^/]+)/(\d{8})/([^/]+)/([^/]+)/aws4_request, SignedHeaders=([^,]+), Signature=(\w+)\Z",
        request.headers.get("authorization", ""),
    )
    if found is None:
        return ""
    access, day, region, service, names, signature = found.groups()
    path, _, query = request.target.partition("?")
    body = hashlib.sha256(request.body).hexdigest()
    headers = "".join(f"{name}:{request.headers[name].strip()}\n" for name in names.split(";"))
    canonical = "\n".join([request.method, quote(path, safe="/-_.~"), query, headers, names, body])
    scope = f"{day}/{region}/{service}/aws4_request"
    text = "\n".join(
        ["AWS4-HMAC-SHA256", request.headers["x-amz-date"], scope, hashlib.sha256(canonical.encode()).hexdigest()]
    )
    key = b"AWS4" + secret.encode()
    for part in (day, region, service, "aws4_request"):
        key = hmac.digest(key, part.encode(), "sha256")
    expected = hmac.new(key, text.encode(), "sha256").hexdigest()
    good = (access, region, service, "host" in names.split(";")) == (ACCESS, REGION, "bedrock", True)
    return KEY if good and hmac.compare_digest(expected, signature) else ""
