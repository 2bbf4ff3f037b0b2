"""OpenAI's list of models: what GET /v1/models answers, at providers as here."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from aigw.dialects.json_values import encoded

Json = dict[str, Any]


class ModelList(msgspec.Struct):
    """A list of models as it came."""

    data: list[Any]

    def by_id(self) -> dict[str, Json]:
        """The models by their ids. Entries without an id are left out."""
        return {
            model["id"]: model for model in self.data if isinstance(model, dict) and isinstance(model.get("id"), str)
        }


def encode_list(models: Iterable[Json]) -> bytes:
    return encoded({"object": "list", "data": list(models)})


def model_entry(id: str, created: int, owner: str) -> Json:
    """`created` is in seconds since 1970."""
    return {"id": id, "object": "model", "created": created, "owned_by": owner}
