"""DashScope's native API for embeddings, as Higress's plugins call it."""

from __future__ import annotations

from aigw.clients.callout import Callout, CalloutError

EMBED_PATH = "/api/v1/services/embeddings/text-embedding/text-embedding"
EMBED_HOST = "dashscope.aliyuncs.com"
EMBED_MODEL = "text-embedding-v2"

Vector = list[float]


class DashScopeClient:
    """Turns texts into vectors. If `model` is "", EMBED_MODEL is used."""

    def __init__(self, callout: Callout, key: str, model: str = "") -> None:
        self._callout = callout
        self._headers = {"authorization": f"Bearer {key}"}
        self._model = model or EMBED_MODEL

    async def embed(self, text: str) -> Vector:
        """Returns the vector of a text. Raises CalloutError."""
        body = {"model": self._model, "input": {"texts": [text]}, "parameters": {"text_type": "query"}}
        answer = await self._callout.post(EMBED_PATH, self._headers, body)
        try:
            vector: Vector = answer["output"]["embeddings"][0]["embedding"]
        except (TypeError, LookupError):
            raise CalloutError("the answer has no embedding") from None
        return vector
