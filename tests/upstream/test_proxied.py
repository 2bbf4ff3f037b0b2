"""Through a real proxy, small as it is: absolute-form requests for http, CONNECT for https."""

import asyncio
import contextlib
import ssl
import subprocess
import sys

import pytest
import trustme

from aigw.core.errors import UpstreamError, UpstreamFault
from aigw.core.model import Origin
from aigw.upstream.http import HttpUpstream, client_tls
from aigw.upstream.proxied import ProxyAwareUpstream, upstream_for

HTTP = Origin("http", "api.example.com", 80)
HTTPS = Origin("https", "api.example.com", 443, "api.example.com")
OK = b"HTTP/1.1 200 OK\r\n"


class Proxy:
    """Sends everything to one local port, whatever name was asked for."""

    def __init__(self, port, refusal=b""):
        self.port = port
        self.refusal = refusal
        self.asked = []
        self.open = 0

    async def serve(self, reader, writer):
        self.open += 1
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            self.asked.append(head)
            if self.refusal:
                writer.write(self.refusal)
                await reader.read()
                return
            remote_reader, remote_writer = await asyncio.open_connection("127.0.0.1", self.port)
            if head.startswith(b"CONNECT "):
                writer.write(OK + b"\r\n")
            else:
                remote_writer.write(head)
            await asyncio.gather(self.copy(reader, remote_writer), self.copy(remote_reader, writer))
        except asyncio.IncompleteReadError:
            pass
        finally:
            writer.close()
            self.open -= 1

    async def copy(self, reader, writer):
        with contextlib.suppress(ConnectionError):
            while data := await reader.read(65536):
                writer.write(data)
                await writer.drain()
        writer.close()


@pytest.fixture(scope="module")
def authority():
    return trustme.CA()


@pytest.fixture
async def through(wire, authority):
    """Puts a proxy between the wire's upstream and its server."""
    context = client_tls()
    authority.configure_trust(context)
    direct = wire.upstream
    async with contextlib.AsyncExitStack() as stack:

        async def start(*scripts, refusal=b"", **serving):
            await wire.serve(*scripts, **serving)
            proxy = Proxy(wire.port, refusal)
            server = await asyncio.start_server(proxy.serve, "127.0.0.1", 0)
            stack.callback(server.close)
            url = f"http://user:secret@127.0.0.1:{server.sockets[0].getsockname()[1]}"
            wire.upstream = ProxyAwareUpstream(direct, {"http": url, "https": url, "no": "exempt.com"}, tls=context)
            return proxy

        yield start
        await wire.upstream.aclose()
        wire.upstream = direct


async def test_http_goes_out_in_absolute_form(wire, through):
    seen = []

    async def script(peer):
        seen.append(await peer.request())
        await peer.send(OK + b"Content-Length: 5\r\nContent-Encoding: gzip\r\nX-A: 1\r\nx-a: 2\r\n\r\nhello")

    proxy = await through(script)
    response = await wire.send(path="/v1/a%20b", query="q=%2F", headers=[("X-B", "1"), ("Host", "evil")], origin=HTTP)
    assert (response.status, response.headers.getall("x-a")) == (200, ["1", "2"])
    assert b"".join([piece async for piece in response.body]) == b"hello"
    lines = seen[0].lower().split(b"\r\n")
    assert lines[0] == b"post http://api.example.com/v1/a%20b?q=%2f http/1.1"
    assert sorted(line for line in lines[1:-2] if not line.startswith(b"proxy-")) == [
        b"connection: close", b"content-length: 0", b"host: api.example.com", b"x-b: 1",
    ]  # fmt: skip
    assert b"Proxy-Authorization: Basic " in proxy.asked[0]


async def test_https_goes_through_a_tunnel(wire, through, authority):
    async def script(peer):
        assert (await peer.request()).endswith(b"\r\n\r\nquestion")
        await peer.send(OK + b"Content-Length: 6\r\n\r\nanswer")

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("api.example.com").configure_cert(context)
    proxy = await through(script, tls=context)
    origin = Origin("https", "gateway.example.com", 8443, "api.example.com")
    assert await wire.fetch(body=b"question", origin=origin) == b"answer"
    assert proxy.asked[0].startswith(b"CONNECT gateway.example.com:8443 HTTP/1.1\r\n")


async def test_streams_both_ways(wire, through):
    read_first = asyncio.Event()

    async def script(peer):
        assert (await peer.request()).endswith(b"\r\n\r\n5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n")
        await peer.send(OK + b"Transfer-Encoding: chunked\r\n\r\n3\r\none\r\n")
        await read_first.wait()
        await peer.send(b"3\r\ntwo\r\n0\r\n\r\n")

    async def source():
        yield b"hello"
        yield b" world"

    await through(script)
    response = await wire.send(stream=source(), origin=HTTP)
    assert await anext(response.body) == b"one"
    read_first.set()
    assert [piece async for piece in response.body] == [b"two"]


async def test_leaving_closes_everything(wire, through):
    async def script(peer):
        await peer.request()
        await peer.send(OK + b"Content-Length: 9\r\n\r\npart")
        await peer.gone()

    proxy = await through(script)
    response = await wire.send(origin=HTTP)
    assert await anext(response.body) == b"part"
    await response.body.aclose()
    await wire.served()
    await wire.until(lambda: proxy.open == 0)


@pytest.mark.parametrize(
    ("data", "stays", "fault"),
    [
        (b"", False, UpstreamFault.RESET),
        (b"", True, UpstreamFault.FIRST_BYTE_TIMEOUT),
        (b"SSH-2.0\r\n\r\n", True, UpstreamFault.PROTOCOL),
        (OK + b"Content-Length: 9\r\n\r\npart", False, UpstreamFault.RESET),
        (OK + b"Content-Length: 9\r\n\r\npart", True, UpstreamFault.IDLE_TIMEOUT),
    ],
)
async def test_faults(wire, through, data, stays, fault):
    async def script(peer):
        await peer.request()
        await peer.send(data)
        if stays:
            await peer.gone()

    proxy = await through(script)
    with pytest.raises(UpstreamError) as caught:
        await wire.fetch(origin=HTTP, first_byte=0.2, idle=0.2)
    assert caught.value.fault is fault
    assert "secret" not in str(caught.value)
    await wire.served()
    await wire.until(lambda: proxy.open == 0)


async def test_a_proxy_that_refuses(wire, through):
    await through(lambda peer: peer.gone(), refusal=b"HTTP/1.1 407 Proxy Auth\r\nContent-Length: 0\r\n\r\n")
    with pytest.raises(UpstreamError, match="407") as caught:
        await wire.send(origin=HTTPS)
    assert caught.value.fault is UpstreamFault.CONNECT


async def test_a_proxy_that_does_not_answer(wire, through):
    await through(lambda peer: peer.gone(), refusal=b"HTTP/1.1 ")
    with pytest.raises(UpstreamError) as caught:
        await wire.send(origin=HTTPS, connect=0.1)
    assert caught.value.fault is UpstreamFault.CONNECT_TIMEOUT


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("http://me:secret@127.0.0.1:9/x", r"through the proxy 127\.0\.0\.1:9$"),
        ("socks5://127.0.0.1:9", "only http://"),
    ],
)
async def test_a_proxy_that_is_none(wire, url, said):
    wire.upstream = ProxyAwareUpstream(wire.upstream, {"https": url})
    wire.upstream.open_connections = 0
    with pytest.raises(UpstreamError, match=said) as caught:
        await wire.send(origin=HTTPS)
    assert caught.value.fault is UpstreamFault.CONNECT


async def test_refuses_what_could_be_read_as_something_else(wire, through):
    await through(lambda peer: peer.gone())
    with pytest.raises(UpstreamError, match="not sent") as caught:
        await wire.send(headers=[("a", "b\r\nc: d")], origin=HTTP)
    assert caught.value.fault is UpstreamFault.PROTOCOL


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
async def test_loopback_is_direct(wire, through, host):
    proxy = await through(lambda peer: peer.answer(b"direct"))
    assert await wire.fetch(origin=Origin("http", host, wire.port)) == b"direct"
    assert proxy.asked == []


class Recorder:
    async def send(self, request, target):
        raise LookupError(target.origin.host)

    async def aclose(self):
        pass


@pytest.mark.parametrize(
    ("host", "exceptions", "direct"),
    [
        ("api.example.com", "", False),
        ("api.example.com", "*", True),
        ("api.example.com", "other.com, Example.com", True),
        ("api.example.com", ".example.com", True),
        ("api.example.com", "api.example.com:9", True),
        ("api.example.com", "api.example.com:8", False),
        ("myexample.com", "example.com", False),
        ("10.0.0.1", "10.0.0.1", True),
        ("::1", "", True),
    ],
)
async def test_exceptions(wire, host, exceptions, direct):
    wire.upstream = ProxyAwareUpstream(Recorder(), {"all": "socks5://p", "no": exceptions})
    wire.upstream.open_connections = 0
    with pytest.raises(LookupError if direct else UpstreamError):
        await wire.send(origin=Origin("http", host, 9))


async def test_the_environment_decides():
    assert type(upstream_for({})) is HttpUpstream
    assert type(upstream_for({"NO_PROXY": "x", "HTTP_PROXY": ""})) is HttpUpstream
    for name in ("HTTP_PROXY", "https_proxy", "ALL_PROXY"):
        assert type(upstream_for({name: "http://127.0.0.1:9"})) is ProxyAwareUpstream


def test_aiohttp_is_not_loaded_before_it_is_used():
    code = "import sys, aigw.upstream.proxied as p; p.upstream_for({'http_proxy': 'p'}); print(*sys.modules)"
    loaded = subprocess.check_output([sys.executable, "-c", code], text=True).split()
    assert "aigw.upstream.proxied" in loaded
    assert "aiohttp" not in loaded
