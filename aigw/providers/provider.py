"""What is known of one kind of provider, as plain data: a row of the catalog. Nothing here knows a provider's name.

`paths` is the capability table, API name -> path (Higress's `capabilities`). Keys of the configuration are named as in
YAML, and the functions take a configuration as a mapping of those names; an empty value is the same as an absent
one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal, NamedTuple
from urllib.parse import SplitResult, parse_qs, urlsplit, urlunsplit

from aigw.core.authority import origin_of

Config = Mapping[str, Any]


class Auth(NamedTuple):
    """The header that carries a token, and what stands before the token in it."""

    header: str
    prefix: str = ""


BEARER = Auth("authorization", "Bearer ")
BARE = Auth("authorization")
API_KEY = Auth("api-key")
X_API_KEY = Auth("x-api-key")
X_GOOG_API_KEY = Auth("x-goog-api-key")


class Header(NamedTuple):
    """A header sent with every request: the value of the first key that is set, else the default."""

    name: str
    default: str
    fields: tuple[str, ...] = ()


class Move(NamedTuple):
    """A request field that this provider knows elsewhere: `to` is a dotted path. Zero and null do not move. `drops` go
    with it."""

    name: str
    to: str
    drops: tuple[str, ...] = ()


class Variant(NamedTuple):
    """What is different about the row where the configuration sets `field` to `value`."""

    field: str
    value: Any
    changes: Mapping[str, Any]


class Required(NamedTuple):
    field: str
    message: str

    def text(self, config: Config) -> str:
        return self.message

    def fails(self, config: Config) -> bool:
        return not config.get(self.field)


class Conflict(NamedTuple):
    field: str
    other: str
    message: str

    def text(self, config: Config) -> str:
        return self.message

    def fails(self, config: Config) -> bool:
        return bool(config.get(self.field) and config.get(self.other))


class Unspoken(NamedTuple):
    """A setting that asks for a wire format which aigw does not speak. `value` None means any."""

    field: str
    value: Any
    message: str

    def text(self, config: Config) -> str:
        return self.message

    def fails(self, config: Config) -> bool:
        given = config.get(self.field)
        return bool(given) and self.value in (None, given)


class NeedsQuery(NamedTuple):
    """A URL that must carry a query parameter unless its path lies under `unless`."""

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
        """Names the URL without what may be secret in it."""
        url = parse_url(config[self.field])
        shown = urlunsplit((url.scheme, url.netloc.rpartition("@")[2], url.path, "", ""))
        return f"missing {self.parameter} query parameter in {self.field}: {shown}"


def parse_url(url: str) -> SplitResult:
    """Reads a configured URL, whose scheme may be missing. Raises ValueError if it is none."""
    parts = urlsplit(url if "://" in url else f"//{url}")
    if parts.scheme not in ("", "http", "https"):
        raise ValueError("the scheme must be http or https")
    try:
        port = parts.port
    except ValueError:
        raise ValueError("the port is no number up to 65535") from None
    if not parts.hostname or port == 0:
        raise ValueError("there is no host in it")
    origin_of("http", parts.netloc.rpartition("@")[2])
    return parts


Check = Required | Conflict | Unspoken | NeedsQuery

TOKEN = Required("apiTokens", "no apiToken found in provider config")


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    """One row. Where it is: `host`, or the value of `host_field` (host or host:port) or of `url_field` (a whole URL);
    none of them means the route's own service. `default_port` 0 is the scheme's."""

    type: str
    scheme: str = "https"
    host: str = ""
    host_field: str = ""
    port_field: str = ""
    default_port: int = 0
    url_field: str = ""
    endpoint_suffixes: tuple[str, ...] = ()
    """A configured URL that ends in one of these is the endpoint of every API; any other is a base, which takes the
    place of /v1."""
    deployments: str = ""
    """Path before a deployment's name. Where this is set a configured URL is a resource (no path), a deployment, or an
    endpoint."""
    versioned_base: str = ""
    """With `deployments`: the path of a URL that is a base all the same."""

    dialect: Literal["openai", "qwen", "builtin"] = "openai"
    """The wire format of chat and embeddings there."""
    paths: Mapping[str, str] = field(default_factory=dict)
    own_paths: Mapping[str, str] = field(default_factory=dict)
    """Paths that Higress does not have, or has wrong; left out where its behaviour is asked for."""
    path_values: Mapping[str, str] = field(default_factory=dict)
    """Placeholder in a path -> the key that gives its value. `{model}` stands for the mapped model."""
    query: str = ""
    unlisted: Literal["refuse", "pass"] = "refuse"
    """What happens to an API that is known but has no path here. Refused are requests with a JSON body only;
    others pass."""

    auth: Auth | None = BEARER
    auths: Mapping[str, Auth] = field(default_factory=dict)
    """APIs that authenticate in another way than `auth`."""
    client_tokens: tuple[str, ...] = ()
    """Headers of the client, in order, whose token is used where the configuration has none."""
    keeps_client_auth: bool = False
    """Without tokens in the configuration the client's Authorization goes on as it is; otherwise it never reaches the
    provider."""
    headers: tuple[Header, ...] = ()

    maps_models: bool = True
    without_model: Literal["write", "leave"] = "write"
    """A body that names no model gets the mapping of "", or stays without."""
    injects_usage: bool = True
    """Whether `stream_options.include_usage` is asked for."""
    keeps_developer_role: bool = False
    preserves_thinking: tuple[str, ...] = ()
    """Models (`p*` = prefix) that need `preserve_thinking: true` to use the reasoning of earlier turns."""
    takes_response_schema: bool = False
    """`responseJsonSchema` becomes `response_format`."""
    usage_in_choice: bool = False
    """A stream reports usage inside choices[0]; it belongs at the top."""
    reads_replies: bool = False
    """Higress reads this provider's answers, so that promoteThinkingOnEmpty works there and not
    elsewhere."""
    drops: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """API -> request fields that the provider rejects."""
    defaults: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """API -> request fields that are set where the client did not."""
    moves: Mapping[str, tuple[Move, ...]] = field(default_factory=dict)

    ignores: tuple[str, ...] = ()
    """Keys of Higress that nothing here reads."""
    checks: tuple[Check, ...] = (TOKEN,)
    variants: tuple[Variant, ...] = ()

    def variant(self, config: Config) -> Provider:
        """The row as this configuration has it."""
        row = self
        for variant in self.variants:
            if config.get(variant.field) == variant.value:
                row = replace(row, **variant.changes)
        return row

    def auth_of(self, api: str | None) -> Auth | None:
        return self.auths.get(api, self.auth) if api else self.auth

    def problems(self, config: Config) -> list[tuple[str, str]]:
        """Key and message of each thing that is missing or cannot be used, in Higress's order and words."""
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
