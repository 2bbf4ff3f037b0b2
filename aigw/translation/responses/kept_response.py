"""Reads and writes what requests, answers and lists of OpenAI's Responses API say about kept responses. No I/O."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs

from msgspec import Struct

from aigw.core.errors import GatewayError
from aigw.dialects.json_values import Json
from aigw.dialects.view import rows_of, text_of

_PAGE, _LARGEST_PAGE = 20, 100
_PREFIXES = {"message": "msg_", "reasoning": "rs_", "function_call": "fc_"}


class KeptResponse(Struct, frozen=True):
    """A response that is kept. `items` are the input with all that was said before; the last `own` of them stood in the
    request itself."""

    response: dict[str, Any]
    items: list[Any]
    own: int

    @property
    def id(self) -> str:
        return text_of(self.response.get("id"))

    @property
    def said(self) -> list[Any]:
        """The items of the whole conversation, with the answer."""
        answer = self.response.get("output")
        return [*self.items, *(answer if isinstance(answer, list) else ())]

    @property
    def by_id(self) -> dict[str, Any]:
        """The items of the answer by their ids."""
        return {text_of(item.get("id")): item for item in rows_of(self.response.get("output"))}


def is_stored(body: Json) -> bool:
    """Whether the client wants the response to this request to be kept."""
    return body.get("store") is not False


def previous_of(body: Json) -> Any:
    """Returns the id of the response that a request continues. It may be of any type."""
    return body.get("previous_response_id")


def own_items(body: Json) -> list[Any]:
    """Returns the input of a request as items."""
    given = body.get("input")
    if isinstance(given, list):
        return given
    return [{"type": "message", "role": "user", "content": given}] if given else []


def reference_of(item: Any) -> str:
    """Returns the id of an item that a client has left out because it is kept, "" for any other item."""
    if not isinstance(item, dict) or not (item.get("type") == "item_reference" or item.keys() == {"id"}):
        return ""
    return text_of(item.get("id"))


def home_of(item_id: str) -> str:
    """Returns the id of the response in whose output an item of ours is: fc_RESPONSE_1."""
    return f"resp_{item_id.partition('_')[2].rpartition('_')[0]}"


def with_items(body: Json, items: list[Any]) -> Json:
    """Returns a request with the whole conversation in it, so that it needs nothing that is kept."""
    left = {name: value for name, value in body.items() if name not in ("store", "previous_response_id")}
    return {**left, "input": items}


def repeated(previous: str, *, stores: bool) -> Json:
    """Returns the fields of a response that say whether it is kept, and which response it continues."""
    return {"store": stores, "previous_response_id": previous or None}


def not_kept(response: Json) -> Json:
    """Returns a response that says that it could not be kept."""
    return {**response, "store": False}


def not_found(id: object) -> GatewayError:
    message = f"Previous response with id '{id}' not found: it is not kept here, or not any more."
    return GatewayError(400, message, code="previous_response_not_found", param="previous_response_id")


def wants_stream(query: str) -> bool:
    """Whether a response shall be sent again as a stream."""
    return parse_qs(query).get("stream", [""])[0].lower() == "true"


def input_items(kept: KeptResponse, query: str) -> Json:
    """Returns the page of the request's own items that the query asks for."""
    items = [each for each in kept.items[len(kept.items) - kept.own :] if isinstance(each, dict)]
    name = kept.id.removeprefix("resp_")
    return _page([_item(each, f"{name}_in{number}") for number, each in enumerate(items)], parse_qs(query))


def _item(item: Json, id: str) -> Json:
    """Returns an item with an id, and its text as a part."""
    kind = text_of(item.get("type")) or "message"
    whole = {"id": f"{_PREFIXES.get(kind, 'item_')}{id}", **item, "type": kind}
    if kind == "message" and isinstance(content := item.get("content"), str):
        said = "output_text" if item.get("role") == "assistant" else "input_text"
        whole["content"] = [{"type": said, "text": content}]
    return whole


def _page(items: list[Json], query: dict[str, list[str]]) -> Json:
    if query.get("order", ["desc"])[0] != "asc":
        items = items[::-1]
    if (after := query.get("after", [""])[0]) in (ids := [item["id"] for item in items]):
        items = items[ids.index(after) + 1 :]
    wanted = query.get("limit", [""])[0]
    size = (
        max(1, min(_LARGEST_PAGE, int(wanted))) if wanted.isascii() and wanted.isdigit() and len(wanted) < 16 else _PAGE
    )
    page = items[:size]
    ends = {"first_id": page[0]["id"] if page else None, "last_id": page[-1]["id"] if page else None}
    return {"object": "list", "data": page, **ends, "has_more": len(items) > size}
