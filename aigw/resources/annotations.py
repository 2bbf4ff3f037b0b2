"""A table of what becomes of each annotation of an Ingress, by its name without `higress.io/`. Those with `read` are
read by `ingress.py`, which reports by itself where one cannot mean the same."""

from __future__ import annotations

from typing import NamedTuple

from aigw.resources.report import Level

PREFIXES = ("higress.io/", "nginx.ingress.kubernetes.io/")
OURS = "aigw.io/route"
"""The annotation with the name that a route has in aigw.yaml, where a resource cannot be called so."""


class Meaning(NamedTuple):
    """What becomes of an annotation. `nearest` is what comes nearest in aigw."""

    level: Level
    message: str = ""
    nearest: str = ""
    read: bool = False


_MORE = "the route takes requests without it, too"
_PATH = "the path goes on as the client sent it"
_HEADERS = "headers stay as they are"
_RETRY = "aigw tries other keys and providers by itself, before the first content"
_REST = "the other destination is not asked"

TABLE = {
    "destination": Meaning("exact", read=True),
    "match-method": Meaning("exact", read=True),
    "use-regex": Meaning("exact", read=True),
    "upstream-vhost": Meaning("exact", read=True),
    "enable-cors": Meaning("approximate", "which pages may call is said once, for all routes", "cors", read=True),
    "cors-allow-origin": Meaning("approximate", "which pages may call is said once, for all routes", "cors", read=True),
    "backend-protocol": Meaning("exact", read=True),
    "proxy-ssl-name": Meaning("approximate", "the name in the certificate must be that of the address"),
    "proxy-ssl-server-name": Meaning("exact"),
    "rewrite-path": Meaning("none", _PATH, "basePath of a provider in ai-proxy, which is taken off the path"),
    "rewrite-target": Meaning("none", _PATH, "basePath of a provider in ai-proxy, which is taken off the path"),
    "timeout": Meaning("approximate", "times hold for all routes", "timeouts.first_byte"),
    "fallback-service": Meaning("none", _REST, "fallback of ai-proxy"),
    "enable-proxy-next-upstream": Meaning("approximate", _RETRY, "retryOnFailure and fallback of ai-proxy"),
    "ignore-path-case": Meaning("approximate", "a path with other capitals is another one"),
    "app-root": Meaning("none", "nobody is redirected"),
    "ssl-redirect": Meaning("none", "nobody is redirected: aigw listens without TLS, on this machine"),
    "force-ssl-redirect": Meaning("none", "nobody is redirected: aigw listens without TLS, on this machine"),
    "resource-definer": Meaning("exact"),
    "comment": Meaning("exact"),
    OURS: Meaning("exact", read=True),
}
STARTS = {
    "exact-match-header-": Meaning("exact", read=True),
    "prefix-match-header-": Meaning("exact", read=True),
    "regex-match-header-": Meaning("exact", read=True),
    "exact-match-query-": Meaning("none", _MORE),
    "prefix-match-query-": Meaning("none", _MORE),
    "regex-match-query-": Meaning("none", _MORE),
    "exact-match-pseudo-header-": Meaning("none", _MORE),
    "request-header-control-": Meaning("none", _HEADERS, "rules of ai-transformer: setHeader, removeHeader"),
    "response-header-control-": Meaning("none", _HEADERS, "rules of ai-transformer: setHeader, removeHeader"),
    "proxy-next-upstream": Meaning("approximate", _RETRY, "retryOnFailure and fallback of ai-proxy"),
    "cors-": Meaning("approximate", "every method and header of an allowed page is allowed", "cors"),
    "canary": Meaning("exact"),  # an Ingress that is one becomes no route
    "route-limit-": Meaning("none", "requests are not counted", "the plugin ai-token-ratelimit"),
    "whitelist-source-range": Meaning("none", "every address is let in", "listen on the loopback address"),
    "blacklist-source-range": Meaning("none", "every address is let in", "listen on the loopback address"),
}
"""What becomes of annotations whose names begin in this way."""

SWITCHES = ("ignore-path-case", "ssl-redirect", "force-ssl-redirect")
"""Annotations that mean what aigw does anyway if their value is `false`. Higress's console writes them so."""
NO_PREFIXES = Meaning("none", _MORE, "a route for each value, or for each prefix, which ends in *")
"""A regular expression for a header that is no choice of values and prefixes."""
STAR = Meaning("approximate", "a * at the end stands for any rest", read=True)
"""A whole value that would be read as a prefix."""


def bare(name: str) -> str:
    """The name of an annotation without the prefix of Higress or nginx; "" if it has another one, and so no meaning for
    a gateway."""
    if name == OURS:
        return name
    return next((name.removeprefix(prefix) for prefix in PREFIXES if name.startswith(prefix)), "")


def meaning(name: str) -> Meaning | None:
    """Returns what becomes of an annotation, None if it is not known here. `name` has no prefix."""
    if name in TABLE:
        return TABLE[name]
    return next((found for start, found in STARTS.items() if name.startswith(start)), None)
