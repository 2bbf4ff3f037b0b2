"""Requests through ai-transformer: its configuration, what a server answers, and what a model makes of that."""

from __future__ import annotations

from typing import Any

from fakes import Answer, answer_json
from multidict import CIMultiDict

from aigw.core.model import Request

PROVIDER = {"serviceName": "qwen", "domain": "dashscope.aliyuncs.com", "apiKey": "sk-x"}
XML = Answer(200, {"content-type": "application/xml"}, [b"<a/>"])
JSON_TEXT = 'content-type:application/json\nx-new:1\n\n{"a":1}'


def says(text: str, **more: Any) -> Answer:
    """What DashScope answers."""
    return answer_json({"output": {"text": text, **more}})


def plugin(request: Any = None, response: Any = None, **more: Any) -> dict[str, Any]:
    return {"ai-transformer": {"request": request or {}, "response": response or {}, "provider": PROVIDER, **more}}


def prompt(text: str = "turn xml into json") -> dict[str, Any]:
    return {"enable": True, "prompt": text}


def get(path: str = "/xml", method: str = "GET", query: str = "", body: bytes = b"", **headers: str) -> Request:
    named = {"host": "localhost", **{name.replace("_", "-"): value for name, value in headers.items()}}
    return Request(method, path, query, CIMultiDict(named), body)
