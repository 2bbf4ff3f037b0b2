"""The admin API of ai-quota: shows and changes what consumers have left."""

from __future__ import annotations

import re
from typing import NamedTuple
from urllib.parse import parse_qs

import msgspec

from aigw.core.errors import GatewayError
from aigw.core.exchange import Exchange
from aigw.core.reply import Reply
from aigw.core.stores import Counter, StoreError

DENIED = "Request denied by ai quota check. "
_INTEGER = re.compile(r"[+-]?\d{1,18}")
_TEXT = {"Content-Type": "text/plain"}


class _Action(NamedTuple):
    """`path` follows the admin path in the URL. `field` is the field of the form that has the number ("" if none).
    `problem` is the message for a wrong form."""

    path: str
    field: str
    problem: str


REFRESH = _Action("/refresh", "quota", "consumer can't be empty and quota must be integer.")
DELTA = _Action("/delta", "value", "consumer can't be empty and value must be integer.")
QUERY = _Action("", "", "consumer can't be empty.")


class QuotaAdmin:
    """Answers the requests of the admin. A request belongs to it if its path ends with one of `ends`, or with one of
    `ends` plus the path of an action."""

    def __init__(self, counter: Counter, prefix: str, consumer: str, ends: tuple[str, ...]) -> None:
        self._counter = counter
        self._prefix = prefix
        self._consumer = consumer
        self._actions = [(tuple(end + each.path for end in ends), each) for each in (REFRESH, DELTA, QUERY)]

    async def answer(self, exchange: Exchange) -> Reply | None:
        """Returns the answer, or None if the request is not for the admin API. Raises GatewayError."""
        path = exchange.request.path
        action = next((each for ends, each in self._actions if path.endswith(ends)), None)
        if action is None:
            return None
        if exchange.consumer != self._consumer:
            raise refused("Unauthorized admin consumer.")
        try:
            return await self._do(exchange, action)
        except StoreError as error:
            raise GatewayError(
                503, f"the quota cannot be reached now: {error}", kind="api_error", code="quota_unavailable",
                plain=(503, f"redis error:{error}"),
            ) from None  # fmt: skip

    async def _do(self, exchange: Exchange, action: _Action) -> Reply:
        request = exchange.request
        form = _fields(request.query if action is QUERY else request.body.decode("utf-8", "replace"))
        consumer, number = form.get("consumer", ""), form.get(action.field, "")
        if not consumer or (action.field and not _INTEGER.fullmatch(number)):
            raise refused(action.problem)
        key = self._prefix + consumer
        if action is QUERY:
            (count,) = await self._counter.read(key)
            body = msgspec.json.encode({"consumer": consumer, "quota": count.used})
            return exchange.reply(body, headers={"Content-Type": "application/json"})
        if action is REFRESH:
            await self._counter.put(key, int(number))
        else:
            await self._counter.add(key, int(number))
        return exchange.reply(f"{action.path[1:]} quota successful".encode(), headers=_TEXT)


def refused(reason: str, status: int = 403, *, code: str = "quota_admin") -> GatewayError:
    message = DENIED + reason
    return GatewayError(status, message, code=code, plain=(status, message))


def _fields(form: str) -> dict[str, str]:
    try:
        return {name: values[0] for name, values in parse_qs(form).items()}
    except ValueError:  # too many fields
        return {}
