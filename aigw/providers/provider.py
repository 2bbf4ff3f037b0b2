"""Defines a row of the catalog: all that aigw knows of one type of provider, as plain data. This file does not know any
provider by name.

`paths` has the path of each API by its name (Higress's `capabilities`). A configuration is a mapping with the names of
the keys as in YAML. An empty value is the same as a missing one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal, NamedTuple
from urllib.parse import SplitResult, parse_qs, urlsplit, urlunsplit

from aigw.core.authority import origin_of
from aigw.translation.rules import Rules, matches

Config = Mapping[str, Any]


class Auth(NamedTuple):
    """The header for the token, and the text before the token in this header."""

    header: str
    prefix: str = ""


BEARER = Auth("authorization", "Bearer ")
BARE = Auth("authorization")
API_KEY = Auth("api-key")
X_API_KEY = Auth("x-api-key")
X_GOOG_API_KEY = Auth("x-goog-api-key")


class Header(NamedTuple):
    """A header for every request. Its value is that of the first configured key in `fields`, else `default`."""

    name: str
    default: str
    fields: tuple[str, ...] = ()


class Move(NamedTuple):
    """A field of the request that this provider has in another place. `to` is the new path, with dots. A field with
    zero or null is not moved. If the field is moved, the fields in `drops` are dropped."""

    name: str
    to: str
    drops: tuple[str, ...] = ()


class Variant(NamedTuple):
    """Changes of the row if the configuration sets `field` to `value`."""

    field: str
    value: Any
    changes: Mapping[str, Any]


class Family(NamedTuple):
    """Models of another maker, by patterns. They have exactly these APIs, which no other models of the provider
    have."""

    models: tuple[str, ...]
    apis: tuple[str, ...]
    rules: Rules


class Required(NamedTuple):
    """A key that must be set."""

    field: str
    message: str

    def text(self, config: Config) -> str:
        return self.message

    def fails(self, config: Config) -> bool:
        return not config.get(self.field)


class RequiredOneOf(NamedTuple):
    """Keys of which one must be set: one of `others`, or `field` and all that belong to it."""

    field: str
    others: tuple[str, ...]
    message: str
    beside: tuple[str, ...] = ()

    def text(self, config: Config) -> str:
        return self.message

    def fails(self, config: Config) -> bool:
        whole = all(config.get(name) for name in (self.field, *self.beside))
        return not (whole or any(config.get(name) for name in self.others))


class Conflict(NamedTuple):
    """Two keys that must not both be set."""

    field: str
    other: str
    message: str

    def text(self, config: Config) -> str:
        return self.message

    def fails(self, config: Config) -> bool:
        return bool(config.get(self.field) and config.get(self.other))


class Unspoken(NamedTuple):
    """A setting that needs a wire format which aigw does not support. `value` None means any value. `in_original`:
    also with protocol original, in which the client writes the format."""

    field: str
    value: Any
    message: str
    in_original: bool = True

    def text(self, config: Config) -> str:
        return self.message

    def fails(self, config: Config) -> bool:
        given = config.get(self.field)
        needed = self.in_original or config.get("protocol") != "original"
        return bool(given) and needed and self.value in (None, given)


class NeedsQuery(NamedTuple):
    """A URL that must have a query parameter, unless its path is below `unless`."""

    field: str
    parameter: str
    unless: str

    def fails(self, config: Config) -> bool:
        if not config.get(self.field):
            return False
        url = parse_url(config[self.field])
        exempt = (url.path.rstrip("/") + "/").startswith(f"{self.unless}/")
        return not exempt and not parse_qs(url.query).get(self.parameter)

    def text(self, config: Config) -> str:
        """Returns the message, with the URL but without parts that may be secret."""
        url = parse_url(config[self.field])
        shown = urlunsplit((url.scheme, url.netloc.rpartition("@")[2], url.path, "", ""))
        return f"missing {self.parameter} query parameter in {self.field}: {shown}"


def split_domain(domain: str, scheme: str) -> tuple[str, str]:
    """Returns the scheme and the authority of a `providerDomain`, which has a scheme if it is not the row's."""
    given, separator, authority = domain.partition("://")
    return (given.lower(), authority) if separator else (scheme, domain)


def parse_url(url: str) -> SplitResult:
    """Parses a configured URL, whose scheme may be missing. Raises ValueError if it is not a URL."""
    parts = urlsplit(url if "://" in url else f"//{url}")
    if parts.scheme not in ("", "http", "https"):
        raise ValueError("the scheme must be http or https")
    try:
        port = parts.port
    except ValueError:
        raise ValueError("the port is not a number up to 65535") from None
    if not parts.hostname or port == 0:
        raise ValueError("there is no host in it")
    origin_of("http", parts.netloc.rpartition("@")[2])
    return parts


Check = Required | RequiredOneOf | Conflict | Unspoken | NeedsQuery

TOKEN = Required("apiTokens", "no apiToken found in provider config")


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    """One type of provider. Its address is `host`, or the value of the key `host_field` (host or host:port), or of the
    key `url_field` (a whole URL). Without an address, requests go to the route's own service. If `default_port` is 0,
    the port of the scheme is used."""

    type: str
    scheme: str = "https"
    host: str = ""
    host_field: str = ""
    port_field: str = ""
    default_port: int = 0
    url_field: str = ""
    endpoint_suffixes: tuple[str, ...] = ()
    """If the path of a configured URL ends with one of these, all requests go to exactly this URL. Otherwise the URL is
    a base, which replaces /v1."""
    deployments: str = ""
    """The path before the name of a deployment. If it is set, a configured URL belongs to a resource (without a path),
    a deployment, or an endpoint."""
    versioned_base: str = ""
    """Used with `deployments`: a configured URL with this path is a base."""

    dialect: Literal["openai", "qwen", "vertex", "builtin"] = "openai"
    """The wire format in which the provider takes chat and embeddings, Vertex AI embeddings alone."""
    paths: Mapping[str, str] = field(default_factory=dict)
    own_paths: Mapping[str, str] = field(default_factory=dict)
    """Paths that Higress does not have, or has wrong. They are not used with `fidelity: higress`."""
    path_values: Mapping[str, str] = field(default_factory=dict)
    """Placeholder in a path -> the key with its value. The placeholder `{model}` is always the mapped model."""
    query: str = ""
    keeps_original_paths: bool = False
    """Whether Higress leaves the client's path and query alone with protocol original. Ours always takes the gateway's
    own part of the path away."""
    unlisted: Literal["refuse", "pass"] = "refuse"
    """What Higress does with a request of a known API that has no path here. Only requests with a JSON body are
    refused; others are passed on. `safe` refuses all of them."""

    auth: Auth | None = BEARER
    takes_account: bool = False
    """Whether it takes the access tokens of a service account of Google Cloud."""
    signs: str = ""
    """The name of AWS's service whose requests are signed, where the configuration has the keys for that."""
    auths: Mapping[str, Auth] = field(default_factory=dict)
    """The headers for the token of APIs that do not use `auth`."""
    client_tokens: tuple[str, ...] = ()
    """Headers of the client whose token is used if the configuration has none. The first one that is present counts."""
    keeps_client_auth: bool = False
    """If true and the configuration has no tokens, the provider gets the client's Authorization unchanged. Otherwise
    the provider never gets it."""
    headers: tuple[Header, ...] = ()

    maps_models: bool = True
    without_model: Literal["write", "leave"] = "write"
    """What happens to a body without a model: it gets the model to which "" is mapped, or stays without."""
    injects_usage: bool = True
    """Whether `stream_options.include_usage` is set in the request."""
    keeps_developer_role: bool = False
    stores_chats: bool = False
    """Whether `store` in chat completions means something. Others may refuse the field."""
    preserves_thinking: tuple[str, ...] = ()
    """Models that need `preserve_thinking: true` to use the reasoning of earlier turns. `p*` is a prefix."""
    takes_response_schema: bool = False
    """Whether `responseJsonSchema` is written as `response_format`."""
    usage_in_choice: bool = False
    """Whether streams have their usage inside choices[0], from where it must be moved to the top."""
    keeps_cache_lifetimes: bool = True
    """Whether the provider gets `cache_control.ttl` in requests in Anthropic's format. Models of other makers may
    refuse it."""
    reads_replies: bool = False
    """Whether Higress reads this provider's answers. Higress's promoteThinkingOnEmpty works only for such providers."""
    keeps_reasoning: bool = False
    """Whether Higress gives this provider back the reasoning in the history of Anthropic's clients."""
    switches_thinking: bool = False
    """Whether chat completions have `thinking`, which is on or off, in the place of `reasoning_effort`."""
    drops: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """API -> request fields that the provider rejects."""
    defaults: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """API -> request fields that are set if the client did not set them."""
    moves: Mapping[str, tuple[Move, ...]] = field(default_factory=dict)

    rules: Rules = field(default_factory=Rules)
    """How the provider takes requests that are translated for it."""
    families: tuple[Family, ...] = ()
    messages_version: str = ""
    """The `anthropic_version` in bodies of the Messages API, which then have no model: it is in the path."""

    ignores: tuple[str, ...] = ()
    """Keys of Higress that have no effect in this version."""
    checks: tuple[Check, ...] = (TOKEN,)
    variants: tuple[Variant, ...] = ()

    def variant(self, config: Config) -> Provider:
        """Returns the row with the changes that this configuration needs."""
        row = self
        for variant in self.variants:
            if config.get(variant.field, "") == variant.value:
                row = replace(row, **variant.changes)
        return row

    def family_of(self, model: str) -> Family | None:
        return next((family for family in self.families if matches(model, family.models)), None)

    def serves(self, model: str, api: str) -> bool:
        """Whether a model is at this API, if the provider has the API."""
        family = self.family_of(model)
        return api in family.apis if family else not any(api in other.apis for other in self.families)

    def auth_of(self, api: str | None) -> Auth | None:
        return self.auths.get(api, self.auth) if api else self.auth

    def problems(self, config: Config) -> list[tuple[str, str]]:
        """Returns the key and the message of each problem of a configuration, in Higress's order and words."""
        row = self.variant(config)
        found: list[tuple[str, str]] = []
        checks = row.checks
        if url := config.get(row.url_field):
            try:
                parse_url(url)
            except ValueError as error:
                found.append((row.url_field, f"invalid {row.url_field}: {error}"))
                checks = tuple(check for check in checks if check.field != row.url_field)
        failed = [check for check in checks if check.fails(config)]
        return found + [(check.field, check.text(config)) for check in failed]
