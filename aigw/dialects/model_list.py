"""Lists of models in the three shapes that clients read: OpenAI's, Anthropic's and Gemini's. Gemini's names begin with
`models/`, the ids of the others do not.

Rule: an entry that has the wanted shape already keeps all of its fields."""

from __future__ import annotations

from collections.abc import Container, Sequence
from datetime import UTC, datetime
from typing import Any, Literal

from aigw.dialects.json_values import encoded
from aigw.dialects.openai_models import encode_list, model_entry

Json = dict[str, Any]
Shape = Literal["openai", "anthropic", "gemini"]
_PREFIX = "models/"
_METHODS = ["generateContent", "streamGenerateContent", "countTokens", "embedContent"]


def shape_of(dialect: str) -> Shape:
    """The shape for a caller, by the name of its dialect."""
    return "anthropic" if dialect.startswith("anthropic") else "gemini" if dialect.startswith("gemini") else "openai"


def entries_of(body: Any) -> list[Json] | None:
    """The models of a list in any shape, with a plain id as `id`. None if it is no list of models."""
    found = body.get("data", body.get("models")) if isinstance(body, dict) else None
    if not isinstance(found, list):
        return None
    return [entry for each in found if isinstance(each, dict) and (entry := _with_id(each))]


def tells_models(body: Any) -> bool:
    """Whether a body is a list of models in any shape, or one model."""
    if isinstance(body, dict):
        return _with_id(body) is not None or any(isinstance(value, list) for value in body.values())
    return isinstance(body, list) and body != []


def is_error_for(body: Any, shape: Shape) -> bool:
    """Whether the clients of this shape read an error. OpenAI's read those of all others."""
    if not isinstance(body, dict):
        return False  # Google puts its errors into lists
    if shape == "openai":
        return True
    error = body.get("error")
    return body.get("type") == "error" if shape == "anthropic" else isinstance(error, dict) and "status" in error


def names_of(body: Any) -> list[str]:
    """The plain ids of the models in a list of any shape."""
    return [entry["id"] for entry in entries_of(body) or ()]


def only(body: Any, names: Container[str]) -> bytes:
    """A list of models without those that are not among these names, in the shape that it has."""
    field = "data" if "data" in body else "models"
    rows = [each for each in body[field] if isinstance(each, dict)]
    kept = [each for each in rows if (entry := _with_id(each)) and entry["id"] in names]
    ends = {"first_id": kept[:1], "last_id": kept[-1:]}
    changed = {name: end[0].get("id") if end else None for name, end in ends.items() if name in body}
    return encoded({**body, field: kept, **changed})


def reshape(body: Any, shape: Shape) -> bytes | None:
    """A list of models, or one model, in another shape. None if it has that shape already, or is neither."""
    entries = entries_of(body)
    if entries is not None:
        return encode(entries, shape) if _shape_of_list(body) != shape else None
    entry = _with_id(body) if isinstance(body, dict) else None
    return encoded(_entry(entry, shape)) if entry and _shape_of(body) != shape else None


def has_more(body: Any) -> bool:
    """Whether a list in any shape is followed by another part of it."""
    return isinstance(body, dict) and bool(body.get("has_more") or body.get("nextPageToken"))


def encode_one(entry: Json, shape: Shape) -> bytes:
    return encoded(_entry(entry, shape))


def encode(entries: Sequence[Json], shape: Shape) -> bytes:
    models = [_entry(each, shape) for each in entries]
    if shape == "gemini":
        return encoded({"models": models})
    if shape == "openai":
        return encode_list(models)
    ends = (models[0]["id"], models[-1]["id"]) if models else (None, None)
    return encoded({"data": models, "has_more": False, "first_id": ends[0], "last_id": ends[1]})


def _with_id(entry: Json) -> Json | None:
    name = entry.get("id", entry.get("name"))
    return {**entry, "id": name.removeprefix(_PREFIX)} if isinstance(name, str) and name else None


def _shape_of(entry: Json) -> Shape:
    if "id" not in entry or str(entry.get("name", "")).startswith(_PREFIX):
        return "gemini"
    return "anthropic" if entry.get("type") == "model" and "object" not in entry else "openai"


def _shape_of_list(body: Json) -> Shape:
    if "data" not in body:
        return "gemini"
    return "openai" if body.get("object") == "list" or not ("has_more" in body or "first_id" in body) else "anthropic"


def _entry(entry: Json, shape: Shape) -> Json:
    id = entry["id"]
    given = _shape_of(entry)
    if given == shape:
        return entry if shape != "gemini" else {**{k: v for k, v in entry.items() if k != "id"}, "name": _PREFIX + id}
    if shape == "openai":
        return model_entry(id, _created(entry), str(entry.get("owned_by") or _OWNERS.get(given, "unknown")))
    shown = str(entry.get("display_name") or entry.get("displayName") or id)
    if shape == "gemini":
        return {"name": _PREFIX + id, "displayName": shown, "supportedGenerationMethods": _METHODS}
    at = datetime.fromtimestamp(_created(entry), UTC)
    return {"type": "model", "id": id, "display_name": shown, "created_at": f"{at:%Y-%m-%dT%H:%M:%SZ}"}


_OWNERS = {"anthropic": "anthropic", "gemini": "google"}


def _created(entry: Json) -> int:
    """Seconds since 1970, 0 if the list does not tell."""
    created, written = entry.get("created"), entry.get("created_at")
    if isinstance(created, int) and 0 <= created < 2**33:
        return created
    try:
        return int(datetime.fromisoformat(written).timestamp()) if isinstance(written, str) else 0
    except (ValueError, OverflowError):
        return 0
