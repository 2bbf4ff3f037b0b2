"""The shape of `aigw.yaml`. Fields are named as in the file. Every field has a default, so that an empty file is valid.

The configuration of a plugin is plain data here; the plugin's own `Config` says what it means."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, field

from aigw.guard.settings import GuardSettings
from aigw.pricing.prices import PriceOverride
from aigw.rag.settings import RagSettings
from aigw.traffic.settings import RecordSettings

Duration = Annotated[
    float,
    Meta(
        ge=0,
        description='Seconds, or text with a unit: "500ms", "10s", "5m", "1h".',
        examples=["10s"],
        extra={"unit": "duration"},
    ),
]
Size = Annotated[
    int,
    Meta(
        ge=1,
        description='Bytes, or text with a unit: "512KiB", "100MiB", "1GiB", "10MB".',
        examples=["100MiB"],
        extra={"unit": "size"},
    ),
]


class Section(msgspec.Struct, frozen=True, kw_only=True):
    pass


class TimeoutsConfig(Section, frozen=True, kw_only=True):
    """How long an upstream may take, and a client to send its request."""

    connect: Annotated[Duration, Meta(description="Until a connection stands, TLS included.")] = 10.0
    first_byte: Annotated[Duration, Meta(description="From the sent request to the head of the response.")] = 900.0
    idle: Annotated[Duration, Meta(description="Between two pieces of a response.")] = 630.0
    body: Annotated[
        Duration,
        Meta(
            description="Between two pieces of a request's body. The whole of it may take as long, and a second more "
            "for each KiB; a slower client gets 408."
        ),
    ] = 60.0


class CorsConfig(Section, frozen=True, kw_only=True):
    """Which web pages may call the gateway from a browser."""

    origins: Annotated[
        list[str], Meta(description='Origins such as "https://app.example.com", or "*".', examples=[["*"]])
    ] = []


class MatchConfig(Section, frozen=True, kw_only=True):
    """Which requests a route takes. All conditions that are given must hold."""

    path: Annotated[str, Meta(pattern="^/", description="An exact path, or a prefix that ends in `*`.")] = "/*"
    hosts: Annotated[
        list[str], Meta(description="Host names: exact, `*suffix` or `prefix*`, without a port. None: any.")
    ] = []
    methods: Annotated[list[str], Meta(description="HTTP methods. None: any.")] = []
    headers: Annotated[
        dict[str, str],
        Meta(description="Headers and the values that they must have: exact ones, or a prefix that ends in `*`."),
    ] = {}


class RouteConfig(Section, frozen=True, kw_only=True):
    """A named part of the traffic, and what is different for it."""

    name: Annotated[str, Meta(min_length=1, description="Unique; the name that `_match_route_` refers to.")]
    match: MatchConfig = MatchConfig()
    upstream: Annotated[
        str,
        Meta(
            description="Where requests go unless a plugin sends them elsewhere: http(s)://host[:port], "
            "or a Higress service name with its port.",
            examples=["http://127.0.0.1:8000", "llm.internal.dns:443"],
        ),
    ] = ""
    plugins: Annotated[
        dict[str, Any],
        Meta(description="A mapping is a rule in front of the plugin's own `_rules_`; false switches the plugin off."),
    ] = {}


DEFAULT_ROUTE = RouteConfig(name="default")
"""The route of a configuration without routes. It takes every request."""


class CacheConfig(Section, frozen=True, kw_only=True):
    """How much space the answers and other values that plugins keep may take on this machine."""

    size: Annotated[Size, Meta(description="In the state folder. When it is full, the oldest entries are dropped.")] = (
        1 << 30
    )
    memory: Annotated[Size, Meta(description="In the memory of each worker, for the values that are used most.")] = (
        1 << 26
    )


class ResponsesConfig(Section, frozen=True, kw_only=True):
    """What is kept of OpenAI's Responses API where a request goes to a provider that speaks another format and keeps
    nothing: for `previous_response_id`, and for GET and DELETE of /v1/responses/{id}. And of the reasoning that a
    provider wants back and a client leaves out."""

    store: Annotated[
        bool,
        Meta(
            description="Whether responses and reasoning are kept here, unless a request sets `store` to false. "
            "If not, each process keeps reasoning in its memory, until it ends."
        ),
    ] = True
    ttl: Annotated[Duration, Meta(description="How long a response or reasoning is kept.")] = 86_400.0
    most: Annotated[
        int,
        Meta(ge=1, description="How many responses of one consumer are kept. The oldest ones make room for new ones."),
    ] = 1000


class StandinsConfig(Section, frozen=True, kw_only=True):
    """Which cloud services clients may call here as if this gateway were them."""

    dashvector: Annotated[
        bool,
        Meta(
            description="/v1/collections and /service_version are DashVector's API, over the collections of `aigw rag`."
        ),
    ] = False
    dashscope: Annotated[
        bool,
        Meta(
            description="/api/v1/services/embeddings/ and /api/v1/services/aigc/text-generation/ are DashScope's APIs, "
            "by a model of this machine and by one of this gateway."
        ),
    ] = False
    green_cip: Annotated[
        bool,
        Meta(
            description="POST / is Content Security's API for texts, answered by the screen of `guard:`. Requests must "
            "be signed with a key of `guard.access_keys`."
        ),
    ] = field(default=False, name="green-cip")


class GatewayConfig(Section, frozen=True, kw_only=True):
    """The configuration of the gateway."""

    listen: Annotated[
        str, Meta(description="Address and port to listen on; port 0 takes a free one.", examples=["127.0.0.1:4700"])
    ] = "127.0.0.1:4700"
    fidelity: Annotated[
        Literal["safe", "higress"],
        Meta(
            description="higress: do exactly what Higress does, also where aigw is safer on purpose. The errors of the "
            "gateway, too, are then text/plain, often with status 500. `aigw plugins NAME` lists the differences."
        ),
    ] = "safe"
    services: Annotated[
        dict[str, str],
        Meta(
            description="Where a host, host:port or Higress service name really is, as with curl's --connect-to. "
            "A host that is not listed is where its name says; a Redis that is not listed is a store on this machine. "
            "A Redis: redis://user:password@host:port/database (without a user the plugin's own logs in), "
            "rediss:// (TLS; ?ssl_ca_certs=ca.pem, ssl_certfile, ssl_keyfile, ssl_cert_reqs=none), "
            "redis+sentinel://host,host/master/0 (?sentinel_password=...), redis+cluster://host,host; "
            "?prefix=team1: is put before every key.",
            examples=[{"redis.static": "redis://127.0.0.1:6379/0"}],
        ),
    ] = {}
    plugins: Annotated[
        dict[str, Any],
        Meta(description="Higress plugin name: its configuration, as in a WasmPlugin's defaultConfig, with `_rules_`."),
    ] = {}
    order: Annotated[
        list[str] | None,
        Meta(description="The order in which the plugins see a request, instead of Higress's. Lists every plugin."),
    ] = None
    routes: Annotated[list[RouteConfig], Meta(description="Tried in this order; the first that matches is taken.")] = []
    state_dir: Annotated[
        str, Meta(min_length=1, description="Where aigw keeps what it writes, seen from the folder of this file.")
    ] = ".aigw"
    cache: CacheConfig = CacheConfig()
    usage: Annotated[
        str,
        Meta(
            pattern=r"^(rediss?(\+(sentinel|cluster))?://.+)?$",
            description="A Redis that usage also goes to, so that `aigw top --url redis://...` shows all gateways.",
            examples=["redis://127.0.0.1:6379/0"],
        ),
    ] = ""
    max_body: Annotated[Size, Meta(description="The largest request body, decoded.")] = 104857600
    max_kept_upload: Annotated[
        Size,
        Meta(
            description="The largest upload (a form, audio) that is kept in memory, so that it can be sent again: with "
            "another token, to another provider. A larger one is passed on piece by piece, once."
        ),
    ] = 16777216
    timeouts: TimeoutsConfig = TimeoutsConfig()
    cors: CorsConfig = CorsConfig()
    prices: Annotated[
        dict[str, PriceOverride],
        Meta(
            description="Prices of models (globs) in USD per million tokens, instead of the list that comes with aigw.",
            examples=[{"qwen-max*": {"input": 1.6, "output": 6.4, "cacheRead": 0.32}}],
        ),
    ] = {}
    rag: RagSettings = RagSettings()
    guard: GuardSettings = GuardSettings()
    record: RecordSettings = RecordSettings()
    standins: StandinsConfig = StandinsConfig()
    responses: ResponsesConfig = ResponsesConfig()
    admin_key: Annotated[
        str,
        Meta(description="Who sends it as a bearer token may read /-/usage, /-/metrics, /-/config from elsewhere."),
    ] = ""
    hosts: Annotated[
        list[str], Meta(description="More names by which clients may call the gateway, beside the loopback ones.")
    ] = []

    def __repr__(self) -> str:
        return f"GatewayConfig(listen={self.listen!r}, plugins={sorted(self.plugins)})"
