"""Responses of OpenAI's Responses API, kept here for clients of providers that keep none.

Rules: a consumer finds only his own responses. A response is kept with the whole conversation before it, so that the
next request can continue it at any provider. Responses are deleted after a certain time, and the oldest ones if a
consumer has too many. If a response could not be kept, its `store` is false."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any
from urllib.parse import quote

import msgspec
from msgspec import Struct

from aigw.core.env import Env
from aigw.core.errors import GatewayError
from aigw.core.exchange import Exchange
from aigw.core.model import Batch, Chunk, Request
from aigw.core.reply import Reply
from aigw.core.stores import KV, Service, StoreError
from aigw.dialects.json_values import Json, decoded, encoded, object_of
from aigw.dialects.typed_event import typed_event
from aigw.translation.responses.kept_response import (
    KeptResponse,
    home_of,
    is_stored,
    not_found,
    not_kept,
    own_items,
    previous_of,
    reference_of,
    repeated,
    with_items,
)

SERVICE = Service("aigw-responses")
LARGEST = 8 << 20
"""A response with its conversation is not kept if it has more bytes."""
_ENDS = (b"event: response.completed", b"event: response.incomplete")
_ATTEMPTS = 5
"""How often the list of a consumer's responses is read again because somebody else has changed it."""


class Listed(Struct, frozen=True):
    id: str
    until: float


_encode = msgspec.json.encode
_listed = msgspec.json.Decoder(list[Listed]).decode


class KeptResponses:
    """The responses that are kept for clients. `now` returns seconds since 1970."""

    def __init__(self, kv: KV, seconds: float, most: int, now: Callable[[], float]) -> None:
        self._kv = kv
        self._seconds = seconds
        self._most = most
        self._now = now

    @classmethod
    def of(cls, env: Env) -> KeptResponses | None:
        """Makes it from the environment of a plugin. Returns None if the configuration says that no responses are
        kept."""
        keeping = env.choose(safe=env.responses, higress=None)
        return cls(env.stores.kv(SERVICE), *keeping, env.clock.time) if keeping is not None else None

    async def find(self, consumer: str, id: str) -> KeptResponse | None:
        """Raises StoreError."""
        value = await self._kv.get(_key(consumer, id))
        try:
            return None if value is None else msgspec.convert(decoded(value), KeptResponse)
        except ValueError:
            return None  # of another version

    async def keep(self, consumer: str, kept: KeptResponse) -> bool:
        """Returns whether it is kept."""
        value, id = encoded(msgspec.to_builtins(kept)), kept.id
        if len(value) > LARGEST:
            return False
        try:
            await self._kv.put(_key(consumer, id), value, self._seconds)
            await self._list(consumer, add=id)
        except StoreError:
            return False
        return True

    async def drop(self, consumer: str, id: str) -> bool:
        """Returns whether it was there. Raises StoreError."""
        found = await self._kv.drop(_key(consumer, id)) > 0
        await self._list(consumer, without=id)
        return found

    async def _list(self, consumer: str, *, add: str = "", without: str = "") -> None:
        """Changes the list of a consumer's responses, and drops those that are too many."""
        name = _key(consumer, "")
        for _ in range(_ATTEMPTS):
            old, now = await self._kv.get(name), self._now()
            listed = [each for each in _listed(old or b"[]") if each.until > now and each.id not in (add, without)]
            if add:
                listed.append(Listed(add, now + self._seconds))
            gone, listed = listed[: -self._most], listed[-self._most :]
            if await self._kv.swap(name, old, _encode(listed), self._seconds):
                if gone:
                    await self._kv.drop(*(_key(consumer, each.id) for each in gone))
                return


def _key(consumer: str, id: str) -> str:
    return "/".join([quote(part, safe="", errors="surrogatepass") for part in (consumer, id)])


class Continued(Struct, frozen=True):
    """A request that continues a kept response, or whose response shall be kept. `source` has the whole conversation in
    it. `repeated` are the fields that its response repeats."""

    source: Request
    kept: KeptResponses
    consumer: str
    items: list[Any]
    own: int
    stores: bool
    previous: str

    @property
    def repeated(self) -> Json:
        return repeated(self.previous, stores=self.stores)

    async def keeping(self, exchange: Exchange, reply: Reply) -> Reply:
        """Returns the reply, which keeps its response before its end is sent."""
        if reply.status != 200 or not self.stores:
            return reply
        if reply.streaming:
            return reply.through(self._events)
        response = await self._finished(object_of(await reply.body()))
        return exchange.reply(encoded(response), status=reply.status, headers=reply.headers.items())

    async def _events(self, batches: AsyncIterator[Batch]) -> AsyncIterator[Batch]:
        async for batch in batches:
            yield [await self._event(chunk) if chunk.raw.startswith(_ENDS) else chunk for chunk in batch]

    async def _event(self, last: Chunk) -> Chunk:
        body = last.json()
        return typed_event({**body, "response": await self._finished(body["response"])})

    async def _finished(self, response: Json) -> Json:
        """Keeps the response. Returns it as the client gets it."""
        if await self.kept.keep(self.consumer, KeptResponse(response, self.items, self.own)):
            return response
        return not_kept(response)


async def continued(kept: KeptResponses, exchange: Exchange, source: Request) -> Continued | None:
    """Returns None if the request has nothing to do with kept responses. Raises GatewayError for a response that is not
    kept here."""
    try:
        body = object_of(source.document.encode())
    except ValueError:
        return None  # the translation says what is wrong with it
    stores, previous, own = is_stored(body), previous_of(body), own_items(body)
    if not stores and not previous:
        return None
    own = await _whole(kept, exchange.consumer, own)
    before = (await _found(kept, exchange.consumer, previous)).said if previous else []
    request = source.copy()
    request.replace_body(encoded(with_items(body, [*before, *own])))
    previous = previous if isinstance(previous, str) else ""
    return Continued(request, kept, exchange.consumer, [*before, *own], len(own), stores, previous)


async def _whole(kept: KeptResponses, consumer: str, items: list[Any]) -> list[Any]:
    """Returns the items, with those that are kept in the place of references to them, as Vercel's AI SDK sends them.
    One that is not kept stays, and is refused with what it is."""
    known: dict[str, Any] = {}
    for id in filter(None, map(reference_of, items)):
        if id not in known:
            home = await _looked_up(kept, consumer, home_of(id))
            known |= home.by_id if home is not None else {}
    return [known.get(reference_of(item), item) for item in items]


async def _found(kept: KeptResponses, consumer: str, id: Any) -> KeptResponse:
    found = await _looked_up(kept, consumer, id) if isinstance(id, str) else None
    if found is None:
        raise not_found(id)
    return found


async def _looked_up(kept: KeptResponses, consumer: str, id: str) -> KeptResponse | None:
    try:
        return await kept.find(consumer, id)
    except StoreError as error:
        raise GatewayError(503, str(error), kind="api_error", code="store_unavailable") from None
