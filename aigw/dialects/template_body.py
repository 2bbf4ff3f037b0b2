"""Makes the body of a request from a filled template and from what the client sent beside the template's name.

Rule: the model and the prompt are those of the template. Of all other fields the client's own win, such as `stream`,
`temperature` and `tools`, and keep their bytes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from aigw.core.model import Request
from aigw.dialects import apis
from aigw.dialects.json_values import encoded
from aigw.dialects.template_prompt import fitted
from aigw.higress.template import PROPERTIES, TEMPLATE

MODEL = "model"
_PROMPTS = frozenset(
    ("messages", "prompt", "suffix", "input", "contents", "system", "instructions", "systeminstruction")
)
"""The fields that have the prompt in any of the formats, without underscores and in small letters: Gemini's may be in
camelCase or in snake_case."""


def is_text(name: str) -> bool:
    """Whether only texts may be filled into the field of this name: the model and the prompt."""
    return name == MODEL or _bare(name) in _PROMPTS


def take(request: Request, api: str, fields: Mapping[str, Any]) -> None:
    """Puts the fields of a filled template into a request of this API. A template for chats gets its format, and a
    model goes into the path if this API has it there. Raises ValueError if that is not possible."""
    document, fields = request.document, fitted(api, fields)
    given = {
        name: msgspec.Raw(document.raw(name) or b"null")
        for name in document.names()
        if name not in (TEMPLATE, PROPERTIES)
    }
    body = {name: value if is_text(name) else given.pop(name, value) for name, value in fields.items()}
    held = {_bare(name) for name in fields if is_text(name)}
    body |= {name: raw for name, raw in given.items() if not (is_text(name) and _bare(name) in held)}
    if isinstance(model := fields.get(MODEL), str) and model and apis.model_of(request.path):
        request.path = apis.with_model(request.path, model)
        if apis.DEPLOYMENTS not in request.path:
            del body[MODEL]  # Gemini has no such field
    request.replace_body(encoded(body))


def _bare(name: str) -> str:
    return name.replace("_", "").lower()
