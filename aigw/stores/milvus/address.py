"""Where a Milvus is, as `rag.store` names it: milvus://[USER:PASSWORD@|TOKEN@]HOST[:PORT][/DATABASE], and milvuss:// or
?secure=true for TLS.

Rule: what is shown of it, in messages and logs, has neither user nor password."""

from __future__ import annotations

from typing import NamedTuple
from urllib.parse import parse_qs, unquote, urlsplit

from aigw.core.retrieval import RetrievalError

PORT = 19530
"""Milvus's default port."""
SCHEMES = ("milvus", "milvuss")


class MilvusAddress(NamedTuple):
    """The address of a Milvus. `token` is USER:PASSWORD or an API key, as Milvus itself takes it, "" for none.
    `database` is "" for its default."""

    host: str
    port: int
    token: str = ""
    database: str = ""
    secure: bool = False

    @property
    def url(self) -> str:
        """The URL in pymilvus's form."""
        return f"{'https' if self.secure else 'http'}://{self.host}:{self.port}"

    def __repr__(self) -> str:
        return f"{self.host}:{self.port}"


def parse(text: str) -> MilvusAddress:
    """Raises RetrievalError."""
    try:
        url = urlsplit(text)
        host, port = url.hostname, url.port or PORT
    except ValueError:
        url, host, port = urlsplit(""), None, PORT
    secure = parse_qs(url.query).get("secure", ["false"])[-1].lower()
    if url.scheme not in SCHEMES or not host or ":" in host or secure not in ("true", "false"):
        raise RetrievalError("rag.store names no Milvus; write it as milvus://USER:PASSWORD@HOST:19530/DATABASE")
    token = unquote(url.username or "")
    if url.password is not None:
        token += f":{unquote(url.password)}"
    return MilvusAddress(host, port, token, url.path.strip("/"), url.scheme == "milvuss" or secure == "true")
