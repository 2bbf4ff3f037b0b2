"""Answers requests for responses that are kept here: GET, DELETE, /input_items and /cancel below /v1/responses/{id}."""

from __future__ import annotations

from urllib.parse import unquote

from aigw.core.errors import GatewayError
from aigw.core.exchange import Exchange
from aigw.core.model import Request
from aigw.core.reply import Reply
from aigw.core.stores import StoreError
from aigw.dialects import apis
from aigw.dialects.json_values import Json, encoded
from aigw.dialects.openai_error import JSON
from aigw.providers.kept_responses import KeptResponses
from aigw.translation.responses.kept_response import KeptResponse, input_items, wants_stream

_BEFORE = apis.OWN_PATHS[apis.RETRIEVE_RESPONSE].partition("{rest}")[0]


async def answer(kept: KeptResponses, exchange: Exchange, source: Request, *, elsewhere: bool) -> Reply | None:
    """Returns None for a response that is not kept here and may be `elsewhere`. Raises GatewayError."""
    id, _, rest = source.path.partition(_BEFORE)[2].partition("/")
    id = unquote(id)
    try:
        found = await kept.find(exchange.consumer, id)
        if found is None and elsewhere:
            return None
        if found is None:
            raise GatewayError(404, f"Response with id '{id}' not found.", code="not_found")
        body = await _body(kept, exchange, source, found, rest)
    except StoreError as error:
        raise GatewayError(503, str(error), kind="api_error", code="store_unavailable") from None
    return exchange.reply(encoded(body), headers=[("Content-Type", JSON)])


async def _body(kept: KeptResponses, exchange: Exchange, source: Request, found: KeptResponse, rest: str) -> Json:
    match source.method, rest:
        case "GET" | "HEAD", "":
            if wants_stream(source.query):
                raise GatewayError(400, "a response that is kept here is not streamed again", param="stream")
            return found.response
        case "GET" | "HEAD", "input_items":
            return input_items(found, source.query)
        case "DELETE", "":
            await kept.drop(exchange.consumer, found.id)
            return {"id": found.id, "object": "response", "deleted": True}
        case "POST", "cancel":
            raise GatewayError(400, "Cannot cancel a synchronous response.")
    raise GatewayError(404, f"{source.method} {source.path} is nothing that a response has", code="unknown_url")
