"""A gateway that a command starts for itself at a free port: the key that its clients show, and its books."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from msgspec.structs import replace as changed_to

from aigw.books.usage_row import UsageRow
from aigw.config.load import Loaded
from aigw.config.services import ServiceTable
from aigw.core.exchange import Exchange
from aigw.dialects import apis
from aigw.server.first_call import call_of
from aigw.stores.redis.url import is_redis_url

if TYPE_CHECKING:
    from aigw.traffic.runs.outcome import Outcome
    from aigw.traffic.runs.resending import Answer

FREE_PORT = "127.0.0.1:0"
KEY_VARIABLE = "AIGW_KEY"


def at_free_port(loaded: Loaded) -> Loaded:
    return replace(loaded, config=changed_to(loaded.config, listen=FREE_PORT))


def without_redis(loaded: Loaded) -> Loaded:
    """Returns the same configuration without what it shares with others, so that nothing is counted there."""
    services = {name: url for name, url in loaded.services.items() if not is_redis_url(url)}
    return replace(loaded, services=ServiceTable(services))


def key_headers(loaded: Loaded, env: Mapping[str, str], consumer: str = "") -> dict[str, str]:
    """Returns the header with the key of a client: that in AIGW_KEY, else the key of this consumer, else that in the
    variable which the configuration names. Empty if the gateway needs no key, or if none is known."""
    if not env.get(KEY_VARIABLE) and (own := _key_of(loaded, consumer)):
        return own
    call = call_of(loaded, apis.CHAT)
    if call is None or not call.key.header:
        return {}
    key = env.get(KEY_VARIABLE) or env.get(call.key.variable, "")
    return {call.key.header: call.key.prefix + key} if key else {}


def key_of(loaded: Loaded, env: Mapping[str, str]) -> str:
    """Returns the key of `key_headers` itself, "" if there is none."""
    return next((value.removeprefix("Bearer ") for value in key_headers(loaded, env).values()), "")


def key_places(loaded: Loaded) -> frozenset[str]:
    """The names of the headers in which key-auth looks for a client's key, in lower case; none without key-auth."""
    plugin = loaded.plugins.get("key-auth")
    configs = [config for config in plugin.rules.configs if config is not None] if plugin is not None else []
    return frozenset(
        name.lower() for config in configs for each in config.consumers for name in (each.keys or config.keys)
    )


def _key_of(loaded: Loaded, consumer: str) -> dict[str, str]:
    """Returns the header with the key of a consumer, empty if the configuration has none of this name."""
    plugin = loaded.plugins.get("key-auth")
    for config in plugin.rules.configs if plugin is not None and consumer else ():
        for each in config.consumers if config is not None else ():
            if each.name == consumer and (names := each.keys or config.keys):
                return {names[0]: each.all_credentials()[0]}
    return {}


class RowWithRemark(NamedTuple):
    """A usage row with what plugins say about the request. `service` is the type of the provider, and `remark` is what
    plugins say."""

    row: UsageRow
    service: str
    remark: str


class RowsById:
    """The usage rows of a gateway by the ids of the requests. The gateway's books call `show`."""

    def __init__(self) -> None:
        self._rows: dict[str, RowWithRemark] = {}

    def show(self, row: UsageRow, exchange: Exchange) -> None:
        remarks = [f"cache: {row.cache}"] if row.cache == "hit" else []
        remarks += [f"{name}: {remark}" for name, remark in exchange.labels.remarks.items()]
        self._rows[row.id] = RowWithRemark(row, exchange.provider, ", ".join(remarks))

    def of(self, answer: Answer) -> RowWithRemark | None:
        return self._rows.get(answer.id)

    def told(self, answer: Answer) -> Outcome:
        """Returns the outcome with what the books know better. Call it when the gateway has ended."""
        if (found := self.of(answer)) is None:
            return answer.outcome
        row, service, remark = found
        return changed_to(
            answer.outcome, tokens=row.tokens, usd=row.cost, service=service, model=row.model, remark=remark
        )
