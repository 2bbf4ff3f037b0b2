"""key-auth: lets in only clients with a valid key, and finds out which consumer has this key.

It sets `exchange.consumer` and the header x-mse-consumer of a request that it lets in. If a client sends this header
itself, it is removed. With `safe`, the client's key is removed from the request, and `Authorization: Bearer X` is the
key X; the header in which clients of DashVector send theirs is read as well, because they have no other. Keys are
compared as digests."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from hashlib import sha256
from operator import is_
from typing import Annotated, Any, NamedTuple
from urllib.parse import parse_qs, unquote_plus
from weakref import WeakValueDictionary

from msgspec import Meta, Struct, structs

from aigw.core.env import Env, Services
from aigw.core.errors import GatewayError
from aigw.core.exchange import Exchange
from aigw.core.headers import CONSUMER_HEADER
from aigw.core.model import Request
from aigw.core.plugin import About, Description, Difference, Next, Place, Plugin, Problem
from aigw.core.reply import Reply

ORIGINAL_AUTH = "x-hi-original-auth"
"""Higress keeps the client's Authorization in this header if the request passes through it twice."""
INVALID = "Request denied by Key Auth check. Invalid API key"
NO_CONSUMERS = 'No consumers and no credentials; write consumers: [{name: ann, credential: "${ANN_KEY}"}]'
DASHVECTOR_TOKEN = "dashvector-auth-token"  # noqa: S105  the name of a header
UNAUTHORIZED = "Request denied by Key Auth check. Unauthorized consumer"


class Consumer(Struct, frozen=True, kw_only=True):
    """Somebody who may call, and his keys."""

    name: Annotated[str, Meta(description="his name, in logs, limits and statistics")] = ""
    credential: Annotated[str | None, Meta(description="his key")] = None
    credentials: Annotated[list[str] | None, Meta(description="his keys, if he has several")] = None
    keys: Annotated[
        list[str] | None, Meta(description="headers and parameters with his keys, instead of the common `keys`")
    ] = None
    in_header: Annotated[bool | None, Meta(description="`in_header` for his own `keys`")] = None
    in_query: Annotated[bool | None, Meta(description="`in_query` for his own `keys`")] = None

    def all_credentials(self) -> list[str]:
        return [self.credential] if self.credential is not None else self.credentials or []

    def __repr__(self) -> str:
        return f"Consumer({self.name!r})"


class Config(Struct, frozen=True, kw_only=True):
    """Lets in only clients that have a key.

    A client sends its key in one of the headers or query parameters in `keys`. Limits, quotas, budgets and statistics
    use the name of the consumer who has this key. The keys themselves never appear in output, logs or errors."""

    consumers: Annotated[list[Consumer], Meta(description="who may call")] = []
    keys: Annotated[
        list[str], Meta(description="the headers and query parameters in which clients send their keys")
    ] = []
    in_header: Annotated[bool, Meta(description="whether clients may send keys in headers")] = True
    in_query: Annotated[bool, Meta(description="whether clients may send keys in the query")] = True
    realm: Annotated[str, Meta(description="the realm in the header WWW-Authenticate of a refusal")] = "MSE Gateway"
    global_auth: Annotated[
        bool | None,
        Meta(description="whether requests that match no rule need a key. Missing: only if there are no rules"),
    ] = None
    allow: Annotated[
        list[str] | None, Meta(description="in a rule: the only consumers that may call. Missing: all of them")
    ] = None
    keep_credential: Annotated[
        bool | None, Meta(description="whether the upstream gets the key. Missing: only with `fidelity: higress`")
    ] = None


def check(config: Config) -> list[Problem]:
    """The messages are Higress's, if it has one, and say what to write."""
    problems = [] if config.consumers else [Problem((), NO_CONSUMERS)]
    owners: dict[str, str] = {}
    for index, consumer in enumerate(config.consumers):
        at = ("consumers", index)
        problems += [Problem(at, message) for message in _consumer_problems(config, consumer)]
        for credential in consumer.all_credentials():
            if credential in owners:
                message = f"duplicate consumer credential: {consumer.name!r} has one of {owners[credential]!r}"
                problems.append(Problem(at, message))
            owners.setdefault(credential, consumer.name)
    if not (config.in_header or config.in_query):
        problems.append(Problem((), "at least one of 'in_query' and 'in_header' must set to true"))
    known = {consumer.name for consumer in config.consumers}
    for index, name in enumerate(config.allow or ()):
        if name not in known:
            problems.append(Problem(("allow", index), f"there is no consumer {name!r}", quirk=True))
    return problems


def _consumer_problems(config: Config, consumer: Consumer) -> list[str]:
    found = []
    if not consumer.name:
        found.append("can't find 'name' field in consumer.")
    elif not consumer.name.isprintable():
        found.append("the name must be one line of printable text")
    if consumer.credential is not None and consumer.credentials is not None:
        found.append("'credential' and 'credentials' can't appear at the same time.")
    elif not consumer.all_credentials():
        found.append("at least one of 'credential' and 'credentials' should be set.")
    if "" in consumer.all_credentials():
        found.append("a credential must not be empty")
    if not (config.keys if consumer.keys is None else consumer.keys):
        found.append("at least one key has to be configured for a rule; write keys: [Authorization]")
    return found


def arrange(rules: list[Config | None], default: Config | None) -> tuple[list[Config | None], Config | None]:
    """Sets `global_auth` in all configs. Requests that match a rule always need a key. Other requests need one if
    `global_auth` is true, or if it is missing and there are no rules."""
    ruled = any(rule is not None for rule in rules)
    if default is not None and default.global_auth is None:
        default = structs.replace(default, global_auth=not ruled)
    return [None if rule is None else structs.replace(rule, global_auth=True) for rule in rules], default


def identity(config: Config, services: Services) -> None:
    """Returns None: the plugin may refuse a request, but never changes its answer."""


def protects(config: Config) -> bool:
    """Whether requests need a key with this config."""
    return config.global_auth is not False


def describes(config: Config) -> Description:
    """Shows how the first consumer that may call sends his key."""
    allowed = [each for each in config.consumers if config.allow is None or each.name in config.allow]
    if not (protects(config) and allowed and (allowed[0].keys or config.keys)):
        return Description()
    consumer = allowed[0]
    name = (consumer.keys or config.keys)[0].lower()
    field = ("credential",) if consumer.credential is not None else ("credentials", 0)
    place = ("consumers", config.consumers.index(consumer), *field)
    if not (config.in_header if consumer.in_header is None else consumer.in_header):
        return Description(key_query=(consumer.keys or config.keys)[0], key_at=place)
    return Description(key_header=f"{name}: {'Bearer ' if name == 'authorization' else ''}KEY", key_at=place)


@asynccontextmanager
async def build(config: Config, env: Env) -> AsyncIterator[Plugin]:
    yield KeyAuth(config, higress=env.choose(safe=False, higress=True))


class _Place(NamedTuple):
    """A header, a query parameter, or both, in which a key may be."""

    name: str
    in_header: bool
    in_query: bool


class KeyAuth:
    def __init__(self, config: Config, *, higress: bool) -> None:
        self._names = [consumer.name for consumer in config.consumers]
        self._allow = None if config.allow is None else frozenset(config.allow)
        self._protects = protects(config)
        self._reads_bearer = not higress
        self._keeps = higress if config.keep_credential is None else config.keep_credential
        self._challenge = {"WWW-Authenticate": f"Key realm={config.realm}"}
        more = () if higress else (DASHVECTOR_TOKEN,)
        self._table = _table(_Keyed(config.consumers, (config.keys, config.in_header, config.in_query, more)))
        self._places = self._table.places

    async def __call__(self, exchange: Exchange, call_next: Next) -> Reply:
        request = exchange.request
        request.headers.popall(CONSUMER_HEADER, None)
        exchange.consumer = ""
        if not self._protects:
            return await call_next(exchange)
        consumer = self._find(request)
        if consumer is None:
            raise self._denied(401, INVALID, "invalid_api_key")
        name = self._names[consumer]
        if self._allow is not None and name not in self._allow:
            raise self._denied(403, UNAUTHORIZED, "unauthorized_consumer")
        if not self._keeps:
            self._remove_keys(request)
        exchange.consumer = request.headers[CONSUMER_HEADER] = name
        return await call_next(exchange)

    def _find(self, request: Request) -> int | None:
        """Returns the index of the consumer whose key the request has, None if it has no valid key. If there are keys
        of several consumers, the consumer that is configured first wins."""
        best: int | None = None
        for place, owners in self._places.items():
            value = request.headers.get(place.name) if place.in_header else None
            if not value and place.in_query and request.query:
                value = _parameter(request.query, place.name)
            index = self._owner(owners, value) if value else None
            if index is not None and (best is None or index < best):
                best = index
        return best

    def _remove_keys(self, request: Request) -> None:
        """Removes the keys of all consumers from all places, because a client may send its key more than once."""
        for place, owners in self._places.items():
            values = request.headers.getall(place.name, ()) if place.in_header else ()
            if any(self._owner(owners, value) is not None for value in values):
                request.headers.popall(place.name)
            if place.in_query and request.query:
                pairs = [pair for pair in request.query.split("&") if not self._is_key(place.name, owners, pair)]
                request.query = "&".join(pairs)

    def _is_key(self, name: str, owners: dict[bytes, int], pair: str) -> bool:
        left, _, right = pair.partition("=")
        return unquote_plus(left) == name and self._owner(owners, unquote_plus(right)) is not None

    def _owner(self, owners: dict[bytes, int], value: str) -> int | None:
        index = owners.get(_digest(value))
        if index is None and self._reads_bearer and value[:7].lower() == "bearer ":
            index = owners.get(_digest(value[7:].strip()))
        return index

    def _denied(self, status: int, message: str, code: str) -> GatewayError:
        return GatewayError(status, message, code=code, headers=self._challenge, plain=(status, message))


class _Keyed:
    """Consumers, and what says where their keys are. Two are equal if they are of the very same consumers: all rules
    inherit these, and a thousand rules shall not have a thousand tables."""

    __slots__ = ("_consumers", "_hash", "_places")

    def __init__(self, consumers: Sequence[Consumer], places: tuple[list[str], bool, bool, tuple[str, ...]]) -> None:
        self._consumers = tuple(consumers)
        self._places = places
        self._hash = hash(tuple(map(id, consumers)))

    def __hash__(self) -> int:
        return self._hash

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, _Keyed) or len(self._consumers) != len(other._consumers):
            return False
        return self._places == other._places and all(map(is_, self._consumers, other._consumers))

    def table(self) -> _Table:
        table = _Table()
        for index, consumer in enumerate(self._consumers):
            digests = list(map(_digest, consumer.all_credentials()))
            for place in _places(consumer, *self._places):
                table.places.setdefault(place, {}).update(dict.fromkeys(digests, index))
        return table


class _Table:
    """For each place of a request that may have a key: the digests of all valid keys, each with the index of its
    consumer."""

    __slots__ = ("__weakref__", "places")

    def __init__(self) -> None:
        self.places: dict[_Place, dict[bytes, int]] = {}


_TABLES: WeakValueDictionary[_Keyed, _Table] = WeakValueDictionary()


def _table(keyed: _Keyed) -> _Table:
    table = _TABLES.get(keyed)
    if table is None:
        table = _TABLES[keyed] = keyed.table()
    return table


def _places(consumer: Consumer, keys: list[str], in_header: bool, in_query: bool, more: Sequence[str]) -> list[_Place]:
    """Returns the places in which a consumer's key may be. `more` are additional headers."""
    names = [*keys, ORIGINAL_AUTH]
    if consumer.keys is not None:
        names = [*consumer.keys, ORIGINAL_AUTH]
        in_header = in_header if consumer.in_header is None else consumer.in_header
        in_query = in_query if consumer.in_query is None else consumer.in_query
    return [*(_Place(name, in_header, in_query) for name in names), *(_Place(name, in_header, False) for name in more)]


def _digest(credential: str) -> bytes:
    return sha256(credential.encode("utf-8", "surrogateescape")).digest()


def _parameter(query: str, name: str) -> str | None:
    try:
        values: Any = parse_qs(query).get(name)
    except ValueError:  # too many fields
        return None
    return values[0] if values else None


ABOUT = About(
    config=Config,
    build=build,
    place=Place("AUTHN", 310),
    recipe="quota",
    check=check,
    inherits=True,
    identifies=True,
    arrange=arrange,
    identity=identity,
    protects=protects,
    describes=describes,
    differences=(
        Difference(
            "the client's key", "is removed; `Bearer X` is the key X", "is sent on; the whole value is compared"
        ),
    ),
)
