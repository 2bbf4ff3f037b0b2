"""The plugins of Higress that aigw does not have: what each of them does, and what comes nearest in aigw."""

from __future__ import annotations

from typing import NamedTuple


class OtherPlugin(NamedTuple):
    """`does` goes on from "which". `instead` is "" where nothing in aigw comes near."""

    does: str
    instead: str = ""


_KEY_AUTH = "key-auth tells clients apart by their keys"
_SCREEN = "ai-security-guard checks prompts and answers, with the rules under `guard:`"
_TRANSFORMER = "ai-transformer changes headers and JSON with `rules:`"
_SPREAD = "`weights` of ai-proxy share the requests among providers"
_ORIGINS = '`cors: {origins: ["https://app.example.com"]}` at the top of the file says the same'
_LISTEN = "only this machine reaches aigw, unless `listen:` says otherwise"
_LIMITS = "ai-token-ratelimit and ai-quota limit the tokens of a client, address or consumer"

OTHER_PLUGINS: dict[str, OtherPlugin] = {
    "ai-agent": OtherPlugin("lets a model call the APIs of an OpenAPI document"),
    "ai-data-masking": OtherPlugin("masks or refuses sensitive words", _SCREEN),
    "ai-endpoint-picker": OtherPlugin("picks the server of a model by its load", _SPREAD),
    "ai-image-reader": OtherPlugin("reads the text in pictures and adds it to the prompt"),
    "ai-load-balancer": OtherPlugin("picks the server of a model by its load", _SPREAD),
    "ai-search": OtherPlugin("adds what search engines find to the prompt", "ai-rag adds what your own documents say"),
    "basic-auth": OtherPlugin("asks clients for a name and a password", _KEY_AUTH),
    "bot-detect": OtherPlugin("refuses crawlers", _LISTEN),
    "cache-control": OtherPlugin("sets Expires and Cache-Control of answers", _TRANSFORMER),
    "cluster-key-rate-limit": OtherPlugin("limits the requests of a client, counted in Redis", _LIMITS),
    "cors": OtherPlugin("says which web pages may call from a browser", _ORIGINS),
    "csp": OtherPlugin("tells browsers what a page may load", _TRANSFORMER),
    "custom-response": OtherPlugin("gives an answer of its own"),
    "de-graphql": OtherPlugin("turns paths into GraphQL queries"),
    "ext-auth": OtherPlugin("asks a service of yours whether a request may pass", _KEY_AUTH),
    "frontend-gray": OtherPlugin("gives some users another version of a web page"),
    "gw-error-format": OtherPlugin("changes the errors of the gateway"),
    "hmac-auth": OtherPlugin("asks clients for a signature", _KEY_AUTH),
    "hmac-auth-apisix": OtherPlugin("asks clients for a signature, as APISIX does", _KEY_AUTH),
    "ip-restriction": OtherPlugin("lets in or refuses addresses", _LISTEN),
    "json-converter": OtherPlugin("puts fields of JSON-RPC into headers"),
    "jsonrpc-converter": OtherPlugin("puts fields of JSON-RPC into headers"),
    "jwt-auth": OtherPlugin("asks clients for a JWT", _KEY_AUTH),
    "key-rate-limit": OtherPlugin("limits the requests of a client", _LIMITS),
    "log-request-response": OtherPlugin(
        "writes requests and answers into the log", "`aigw serve --record` records them"
    ),
    "mcp-router": OtherPlugin("sends a tool's call to its MCP server"),
    "mcp-server": OtherPlugin("makes MCP servers of HTTP APIs"),
    "nginx-rewrite-compatible": OtherPlugin("rewrites paths as nginx does"),
    "oauth": OtherPlugin("issues access tokens and asks clients for them", _KEY_AUTH),
    "oidc": OtherPlugin("lets users log in with OpenID Connect", _KEY_AUTH),
    "opa": OtherPlugin("asks an Open Policy Agent whether a request may pass", _KEY_AUTH),
    "replay-protection": OtherPlugin("refuses a request that comes twice"),
    "request-block": OtherPlugin("refuses URLs, headers and bodies with certain words", _SCREEN),
    "request-validation": OtherPlugin("checks headers and bodies against a JSON Schema"),
    "response-cache": OtherPlugin("keeps answers in Redis", "ai-cache keeps the answers of models"),
    "simple-jwt-auth": OtherPlugin("asks clients for a JWT", _KEY_AUTH),
    "sni-misdirect": OtherPlugin("refuses a Host that is not the one of the TLS connection"),
    "traffic-tag": OtherPlugin(
        "marks requests in a header, by what is in them or by weight",
        "a route takes requests by their headers (`match:`), and `weights` of ai-proxy share them",
    ),
    "transformer": OtherPlugin("changes headers, queries and bodies", _TRANSFORMER),
    "waf": OtherPlugin("refuses attacks on web servers"),
}


def why_missing(name: str, remedy: str = "") -> str:
    """Says of one of them that aigw does not have it, what to do, and what comes near."""
    does, instead = OTHER_PLUGINS[name]
    said = f"this version of aigw does not have the plugin {name!r}, which {does}"
    return "; ".join(filter(None, (said, remedy, instead)))
