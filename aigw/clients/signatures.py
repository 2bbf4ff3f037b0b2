"""The two ways in which requests to Alibaba Cloud are signed. Sans-io.

V3 is `ACS3-HMAC-SHA256` (https://help.aliyun.com/zh/sdk/product-overview/v3-request-structure-and-signature): a digest
of the request in the header Authorization. RPC is the older one, `HMAC-SHA1` over the sorted parameters of the query
(https://help.aliyun.com/zh/sdk/product-overview/rpc-mechanism)."""

from __future__ import annotations

import hashlib
import hmac
from base64 import b64encode
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import parse_qsl, quote

V3 = "ACS3-HMAC-SHA256"


class Signed(NamedTuple):
    """The parts of an Authorization header of V3."""

    key_id: str
    headers: tuple[str, ...]
    signature: str


def v3_authorization(
    key_id: str, secret: str, *, method: str, path: str, query: str, headers: Mapping[str, str], body: bytes
) -> str:
    """Returns the value of the header Authorization. `headers` are all that are signed, by their names in lower
    case."""
    names = tuple(sorted(headers))
    signature = _v3_signature(secret, names, method, path, query, headers, body)
    return f"{V3} Credential={key_id},SignedHeaders={';'.join(names)},Signature={signature}"


def read_v3(authorization: str) -> Signed | None:
    """Returns what the header says, None if it is of another kind."""
    kind, _, rest = authorization.partition(" ")
    fields = dict(part.strip().partition("=")[::2] for part in rest.split(","))
    if kind != V3 or not {"Credential", "SignedHeaders", "Signature"} <= fields.keys():
        return None
    return Signed(fields["Credential"], tuple(fields["SignedHeaders"].split(";")), fields["Signature"])


def is_v3(
    signed: Signed, secret: str, *, method: str, path: str, query: str, headers: Mapping[str, str], body: bytes
) -> bool:
    """Whether the signature is that of this request. `headers` are those of the request. The digest of the body must
    be among what is signed."""
    if not {"host", "x-acs-content-sha256", "x-acs-date"} <= set(signed.headers):
        return False
    if headers.get("x-acs-content-sha256") != hashlib.sha256(body).hexdigest():
        return False
    expected = _v3_signature(secret, tuple(sorted(signed.headers)), method, path, query, headers, body)
    return hmac.compare_digest(expected.encode(), signed.signature.encode("utf-8", "surrogatepass"))


def _v3_signature(
    secret: str, names: tuple[str, ...], method: str, path: str, query: str, headers: Mapping[str, str], body: bytes
) -> str:
    pairs = sorted((_quoted(name), _quoted(value)) for name, value in parse_qsl(query, keep_blank_values=True))
    lines = [
        method,
        path or "/",
        "&".join(f"{name}={value}" for name, value in pairs),
        *(f"{name}:{headers.get(name, '').strip()}" for name in names),
        "",
        ";".join(names),
        hashlib.sha256(body).hexdigest(),
    ]
    digest = hashlib.sha256("\n".join(lines).encode("utf-8", "surrogateescape")).hexdigest()
    return hmac.new(secret.encode(), f"{V3}\n{digest}".encode(), hashlib.sha256).hexdigest()


def rpc_signature(secret: str, *, method: str, parameters: Iterable[tuple[str, str]]) -> str:
    """Returns the parameter Signature for these parameters, of which `Signature` itself does not count."""
    pairs = ((_quoted(name), _quoted(value)) for name, value in parameters if name != "Signature")
    return _rpc_signature(secret, method, sorted(pairs))


def rpc_query(secret: str, *, method: str, parameters: Mapping[str, str]) -> str:
    """Returns the query with these parameters and their signature."""
    pairs = sorted((_quoted(name), _quoted(value)) for name, value in parameters.items())
    signed = ("Signature", _quoted(_rpc_signature(secret, method, pairs)))
    return "&".join(f"{name}={value}" for name, value in sorted((*pairs, signed))).replace("%20", "+")


def _rpc_signature(secret: str, method: str, pairs: Iterable[tuple[str, str]]) -> str:
    text = f"{method}&%2F&{_quoted('&'.join(f'{name}={value}' for name, value in pairs))}"
    return b64encode(hmac.new(f"{secret}&".encode(), text.encode(), hashlib.sha1).digest()).decode()


def is_rpc(secret: str, *, method: str, parameters: Mapping[str, str]) -> bool:
    """Whether the parameter Signature is that of these parameters."""
    expected = rpc_signature(secret, method=method, parameters=parameters.items())
    given = parameters.get("Signature", "")
    return hmac.compare_digest(expected.encode(), given.encode("utf-8", "surrogatepass"))


_UNRESERVED = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~"
_FEW = 32
"""If a text has at most this many kinds of bytes to escape, they are replaced one after another. For 1 KB that takes 6
us, `quote` takes 30."""


_SHORT = 24
"""Shorter texts are names of parameters and values that come again."""


def _quoted(text: str) -> str:
    return _quoted_again(text) if len(text) < _SHORT else _quoted_anew(text)


def _quoted_anew(text: str) -> str:
    data = text.encode("utf-8", "surrogateescape")
    kinds = set(data.translate(None, _UNRESERVED))
    if len(kinds) > _FEW:
        return quote(data, safe="~")
    for byte in sorted(kinds, key=b"%".__contains__, reverse=True):  # the escapes of others begin with a %
        data = data.replace(bytes((byte,)), b"%%%02X" % byte)
    return data.decode("ascii")


_quoted_again = lru_cache(maxsize=256)(_quoted_anew)
