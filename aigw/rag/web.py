"""Fetches a page of the web that somebody named, over a transport of the gateway.

Rules: only http and https, also after a redirect. An address that is not public is refused where the connection is made
(`why_private`, which the transport asks), because a name may lead anywhere. Size and time are bounded."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import Iterator
from email.message import Message
from typing import NamedTuple
from urllib.parse import SplitResult, quote, unquote, urljoin, urlsplit

from multidict import CIMultiDict

from aigw import __version__
from aigw.core.content_coding import Decoding
from aigw.core.errors import UpstreamError
from aigw.core.model import Origin, Request, Target, Timeouts
from aigw.core.upstream import Upstream, UpstreamResponse
from aigw.rag.document import UnreadableError

MOST_BYTES = 64 * 1024 * 1024
SECONDS = 60.0
_REDIRECTS = 5
_TIMEOUTS = Timeouts(connect=10.0, first_byte=30.0, idle=30.0)
_ACCEPTED = "text/html, application/xhtml+xml, text/markdown, text/plain, application/pdf, */*;q=0.5"
_GLOBAL = ipaddress.ip_network("2000::/3")
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_SAFE = "/%:@!$&'()*+,;=~?"
"""Characters of a path and a query that stay as they are."""


class Page(NamedTuple):
    """What a URL led to. `file_name` is the last part of the path, which may say what kind of file it is."""

    data: bytes
    content_type: str = ""
    charset: str = ""
    file_name: str = ""


def why_private(address: str) -> str:
    """Why an IP address must not be connected to: because it is not public. "" if it is."""
    if all(_is_public(each) for each in _addresses_in(ipaddress.ip_address(address))):
        return ""
    return f"{address} is no public address; --allow-private fetches from it all the same"


def _addresses_in(
    address: ipaddress.IPv4Address | ipaddress.IPv6Address,
) -> Iterator[ipaddress.IPv4Address | ipaddress.IPv6Address]:
    """The address, and the IPv4 address that is written in it."""
    if isinstance(address, ipaddress.IPv4Address):
        yield address
    elif address.ipv4_mapped:
        yield address.ipv4_mapped
    elif address in _NAT64:
        yield ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    else:
        yield address
        if address.sixtofour:
            yield address.sixtofour


def _is_public(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    if isinstance(address, ipaddress.IPv6Address) and address not in _GLOBAL:
        return False
    return address.is_global and not address.is_multicast


async def fetch(
    url: str, upstream: Upstream, *, private: bool = False, most: int = MOST_BYTES, seconds: float = SECONDS
) -> Page:
    """Fetches a page, and what it redirects to. With `private`, an address that is not public may be named; otherwise
    the upstream must refuse those that are behind names. Raises UnreadableError."""
    try:
        async with asyncio.timeout(seconds):
            for _ in range(_REDIRECTS + 1):
                found = await _fetch_once(url, upstream, private, most)
                if isinstance(found, Page):
                    return found
                url = found
    except TimeoutError:
        raise UnreadableError(f"it was not there in {seconds:g} s") from None
    except UpstreamError as error:
        raise UnreadableError(str(error)) from None
    raise UnreadableError(f"it redirects more than {_REDIRECTS} times")


async def _fetch_once(url: str, upstream: Upstream, private: bool, most: int) -> Page | str:
    """A page, or the URL that it redirects to."""
    parts = _checked(url)
    if not private and (reason := _why_private_host(parts.hostname or "")):
        raise UnreadableError(reason)
    response = await upstream.send(*_request(parts))
    try:
        location = response.headers.get("location", "")
        if response.status in (301, 302, 303, 307, 308) and location:
            return urljoin(url, location)
        if not 200 <= response.status < 300:
            raise UnreadableError(f"{parts.hostname} answers {response.status}")
        data = await _body(response, most)
    finally:
        await response.body.aclose()
    kind = Message()
    kind["content-type"] = response.headers.get("content-type") or "application/octet-stream"
    return Page(
        data, kind.get_content_type(), str(kind.get_content_charset("")), unquote(parts.path.rpartition("/")[2])
    )


def _checked(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        _ = parts.port  # raises if it is no number
    except ValueError as error:
        raise UnreadableError(f"it is no URL: {error}") from None
    if parts.scheme not in ("http", "https"):
        raise UnreadableError(f"it leads to {parts.scheme}://, and only http:// and https:// can be fetched")
    if not parts.hostname:
        raise UnreadableError("it is no URL: it has no host")
    if parts.username or parts.password:
        raise UnreadableError("a URL with a user or a password is not fetched, because it would be kept as it is")
    return parts


def _why_private_host(host: str) -> str:
    """Says why a host that is an address is private, in any notation that systems understand, because a proxy would go
    there."""
    try:
        return why_private(host)
    except ValueError:
        pass
    try:
        return why_private(socket.inet_ntoa(socket.inet_aton(host)))
    except (OSError, ValueError):
        return ""


def _request(parts: SplitResult) -> tuple[Request, Target]:
    try:
        host = str(parts.hostname).encode("idna").decode() if not str(parts.hostname).isascii() else str(parts.hostname)
    except UnicodeError as error:
        raise UnreadableError(f"it is no URL: {error}") from None
    secure = parts.scheme == "https"
    origin = Origin(parts.scheme, host, parts.port or (443 if secure else 80), host if secure else "")
    shown = f"[{host}]" if ":" in host else host
    headers = {"user-agent": f"aigw/{__version__}", "accept": _ACCEPTED, "accept-encoding": "gzip"}
    request = Request("GET", quote(parts.path, _SAFE) or "/", quote(parts.query, _SAFE), CIMultiDict(headers))
    return request, Target(origin, f"{shown}:{parts.port}" if parts.port else shown, _TIMEOUTS)


async def _body(response: UpstreamResponse, most: int) -> bytes:
    try:
        decoding = Decoding(response.headers.get("content-encoding", ""), most)
        body = bytearray()
        async for piece in response.body:
            body += decoding.feed(piece)
            if len(body) > most:
                raise ValueError("the body is too large")
    except ValueError as error:
        too_large = "too large" in str(error)
        raise UnreadableError(f"it is larger than {most >> 20} MiB" if too_large else str(error)) from None
    if not decoding.complete:
        raise UnreadableError("its end is missing")
    return bytes(body)
