"""Fetching: what is named, within bounds, and only from public addresses."""

import asyncio
import gzip
from contextlib import asynccontextmanager

import pytest
from aiohttp import web

from aigw.rag.document import UnreadableError
from aigw.rag.web import Page, fetch, why_private
from aigw.upstream.http import HttpUpstream
from aigw.upstream.proxied import upstream_for


def here_only(address):
    """Lets the test server stand for a public one."""
    return "" if address == "127.0.0.1" else why_private(address)


@asynccontextmanager
async def site(pages, address="127.0.0.1"):
    """A server of pages by path. Gives its port."""

    async def serve(request):
        page = pages[request.path]
        return await page(request) if callable(page) else web.Response(**page)

    runner = web.ServerRunner(web.Server(serve))
    await runner.setup()
    try:
        server = web.TCPSite(runner, address, 0)
        await server.start()
        yield server._server.sockets[0].getsockname()[1]
    finally:
        await runner.cleanup()


async def get(port, path="/", refuse=here_only, **options):
    upstream = HttpUpstream(refuse=refuse)
    try:
        return await fetch(f"http://localhost:{port}{path}", upstream, **options)
    finally:
        await upstream.aclose()


async def test_a_page_has_its_type_charset_and_name():
    async def page(request):
        assert request.path_qs == "/a%20b/%E7%BD%91.html?q=%C3%BC&x"
        assert request.headers["user-agent"].startswith("aigw/")
        return web.Response(body=b"hi", headers={"content-type": 'Text/HTML; charset="Latin-1"'})

    async with site({"/a b/网.html": page}) as port:
        assert await get(port, "/a b/网.html?q=ü&x#part") == Page(b"hi", "text/html", "latin-1", "网.html")


async def test_what_says_no_type_has_none_that_decides():
    async with site({"/": {"body": b"x", "headers": {"content-type": "nonsense"}}}) as port:
        assert (await get(port)).content_type in ("text/plain", "application/octet-stream")


async def test_redirects_are_followed_and_the_last_name_counts():
    pages = {"/": {"status": 302, "headers": {"location": "docs/a.md?x"}}, "/docs/a.md": {"body": b"a"}}
    async with site(pages) as port:
        assert (await get(port)).file_name == "a.md"


async def test_redirects_end():
    async with site({"/": {"status": 301, "headers": {"location": "/"}}}) as port:
        with pytest.raises(UnreadableError, match="it redirects more than 5 times"):
            await get(port)


@pytest.mark.parametrize(
    ("location", "reason"),
    [
        ("http://127.0.0.2:{port}/", "127.0.0.2 is no public address; --allow-private fetches from it all the same"),
        ("http://127.2:{port}/", "127.0.0.2 is no public address"),
        ("http://2130706434:{port}/", "127.0.0.2 is no public address"),
        ("http://[::ffff:127.0.0.2]:{port}/", "::ffff:(127.0.0.2|7f00:2) is no public address"),
        ("http://169.254.169.254/latest/meta-data", "169.254.169.254 is no public address"),
        ("file:///etc/passwd", "it leads to file://, and only"),
        ("ftp://localhost/", "it leads to ftp://, and only"),
        ("http://user:secret@localhost/", "a URL with a user or a password"),
    ],
)
async def test_redirects_lead_nowhere_else(location, reason):
    pages = {"/": {"status": 307, "headers": {"location": ""}}}
    async with site(pages) as port, site({"/": {"body": b"secret"}}, "127.0.0.2") as inner:
        pages["/"]["headers"]["location"] = location.format(port=inner)
        with pytest.raises(UnreadableError, match=reason):
            await get(port)


async def test_a_name_that_leads_to_a_private_address_is_refused_where_it_connects():
    async with site({"/": {"body": b"secret"}}) as port:
        with pytest.raises(UnreadableError, match=r"(127.0.0.1|::1) is no public address; --allow-private"):
            await get(port, refuse=why_private)
        assert (await get(port, refuse=None, private=True)).data == b"secret"


async def test_an_address_is_refused_before_a_proxy_is_asked():
    async def page(request):
        pytest.fail("the proxy was asked")

    async with site({"/": page}) as port:
        upstream = upstream_for({"HTTP_PROXY": f"http://127.0.0.1:{port}"}, refuse=why_private)
        for url in ("http://10.0.0.1/", "http://0x0a.1/", "http://[fd00::1]/", "http://localhost:1/"):
            with pytest.raises(UnreadableError, match="is no public address"):
                await fetch(url, upstream)
        await upstream.aclose()


@pytest.mark.parametrize(
    "address",
    ["127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.100.100.200", "0.0.0.0", "255.255.255.255", "224.0.0.1", "240.0.0.1", "::1", "::", "fe80::1%1", "fd00::1", "fec0::1", "ff02::1", "::ffff:10.0.0.1", "64:ff9b::a00:1", "2002:a00:1::", "2001:0:1::1", "::127.0.0.1"],
)  # fmt: skip
def test_what_is_not_public(address):
    assert why_private(address).startswith(f"{address} is no public address")


@pytest.mark.parametrize(
    "address", ["8.8.8.8", "93.184.216.34", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"]
)
def test_what_is_public(address):
    assert why_private(address) == ""


@pytest.mark.parametrize("status", [404, 500, 304, 302])
async def test_other_statuses_are_said(status):
    async with site({"/": {"status": status}}) as port:
        with pytest.raises(UnreadableError, match=f"localhost answers {status}"):
            await get(port)


async def test_size_is_bounded_whatever_the_coding():
    large = bytes(3 << 20)
    pages = {
        "/plain": {"body": large},
        "/gzip": {"body": gzip.compress(large, mtime=0), "headers": {"content-encoding": "gzip"}},
    }
    async with site(pages) as port:
        for path in pages:
            assert (await get(port, path)).data == large
            with pytest.raises(UnreadableError, match="it is larger than 2 MiB"):
                await get(port, path, most=2 << 20)


@pytest.mark.parametrize(
    ("body", "coding", "reason"),
    [
        (gzip.compress(b"x" * 999, mtime=0)[:-9], "gzip", "its end is missing"),
        (b"no gzip", "gzip", "header"),
        (b"x", "rot13", "'rot13' is unknown"),
    ],
)
async def test_a_body_that_is_broken_is_said(body, coding, reason):
    async with site({"/": {"body": body, "headers": {"content-encoding": coding}}}) as port:
        with pytest.raises(UnreadableError, match=reason):
            await get(port)


async def test_time_is_bounded():
    over = asyncio.Event()

    async def late(request):
        await over.wait()
        return web.Response()

    async with site({"/": late}) as port:
        with pytest.raises(UnreadableError, match=r"it was not there in 0.1 s"):
            await get(port, seconds=0.1)
        over.set()


@pytest.mark.parametrize(
    "url", ["http:///x", "http://a:b/", "http://[1/", "http://" + "a" * 300 + ".com/", "https://xn--a.\udcff/"]
)
async def test_what_is_no_url_is_said(url):
    with pytest.raises(UnreadableError):
        await fetch(url, HttpUpstream())


async def test_nobody_there_is_said():
    async with site({}) as port:
        pass
    with pytest.raises(UnreadableError, match=f"http://localhost:{port}: cannot connect"):
        await get(port)
