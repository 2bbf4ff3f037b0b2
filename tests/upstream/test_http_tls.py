"""TLS, with a certificate authority of the test's own."""

import ssl

import pytest
import trustme

from aigw.core.errors import UpstreamError, UpstreamFault
from aigw.core.model import Origin
from aigw.upstream.http import HttpUpstream, client_tls


@pytest.fixture(scope="module")
def authority():
    return trustme.CA()


@pytest.fixture
def server_tls(authority):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("api.example.com").configure_cert(context)
    context.set_alpn_protocols(["h2", "http/1.1"])
    return context


@pytest.fixture
def wire(wire, authority):
    context = client_tls()
    authority.configure_trust(context)
    wire.upstream = HttpUpstream(tls=context)
    return wire


def origin(wire, name="api.example.com", scheme="https"):
    return Origin(scheme, "127.0.0.1", wire.port, name)


async def test_speaks_http_1_1_to_the_named_server_and_keeps_the_connection(wire, server_tls):
    protocols = []

    async def script(peer):
        protocols.append(peer.writer.get_extra_info("ssl_object").selected_alpn_protocol())
        for _ in range(2):
            await peer.answer(b"x" * 300_000)

    await wire.serve(script, tls=server_tls)
    for _ in range(2):
        assert await wire.fetch(origin=origin(wire), body=b"y" * 300_000) == b"x" * 300_000
    assert wire.accepted == 1
    assert protocols == ["http/1.1"]


@pytest.mark.parametrize("name", ["other.example.com", ""])
async def test_refuses_a_certificate_of_another_name(wire, server_tls, name):
    await wire.serve(lambda peer: peer.gone(), tls=server_tls)
    with pytest.raises(UpstreamError, match=r"certificate is refused: [^;]*mismatch[^;]*$") as caught:
        await wire.send(origin=origin(wire, name))
    assert caught.value.fault is UpstreamFault.CONNECT


async def test_refuses_an_unknown_authority(wire, server_tls):
    wire.upstream = HttpUpstream()
    await wire.serve(lambda peer: peer.gone(), tls=server_tls)
    with pytest.raises(UpstreamError, match=r"certificate is refused: .*; SSL_CERT_FILE") as caught:
        await wire.send(origin=origin(wire))
    assert caught.value.fault is UpstreamFault.CONNECT


async def test_refuses_a_server_without_tls(wire):
    async def script(peer):
        await peer.send(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        await peer.gone()

    await wire.serve(script)
    with pytest.raises(UpstreamError, match="cannot connect") as caught:
        await wire.send(origin=origin(wire))
    assert caught.value.fault is UpstreamFault.CONNECT


async def test_a_cut_answer_is_a_reset(wire, server_tls):
    async def script(peer):
        await peer.request()
        await peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\npart")
        peer.writer.transport.abort()

    await wire.serve(script, tls=server_tls)
    with pytest.raises(UpstreamError) as caught:
        await wire.fetch(origin=origin(wire))
    assert caught.value.fault is UpstreamFault.RESET
    assert wire.upstream.open_connections == 0


async def test_closing_an_unread_body_closes_the_connection(wire, server_tls):
    async def script(peer):
        await peer.request()
        await peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\npart")
        await peer.gone()

    await wire.serve(script, tls=server_tls)
    response = await wire.send(origin=origin(wire))
    await response.body.aclose()
    assert wire.upstream.open_connections == 0
    await wire.served()
