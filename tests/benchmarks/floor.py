"""The floor: the pass-through proxy that one writes first with aiohttp. `python -m tests.benchmarks.floor URL` prints
its port. It runs on uvloop, as aigw does."""

from __future__ import annotations

import asyncio
import sys

import uvloop
from aiohttp import ClientSession, DummyCookieJar, TCPConnector, web
from multidict import CIMultiDict

HOP_BY_HOP = ("connection", "keep-alive", "transfer-encoding", "host", "content-length")


def end_to_end(headers: CIMultiDict[str]) -> CIMultiDict[str]:
    for name in HOP_BY_HOP:
        headers.popall(name, None)
    return headers


async def serve(upstream: str) -> None:
    connector = TCPConnector(limit=0)
    async with ClientSession(connector=connector, cookie_jar=DummyCookieJar(), auto_decompress=False) as session:

        async def proxy(request: web.Request) -> web.StreamResponse:
            body = await request.read()
            headers = end_to_end(CIMultiDict(request.headers))
            async with session.post(upstream + request.path_qs, data=body, headers=headers) as answer:
                response = web.StreamResponse(status=answer.status, headers=end_to_end(CIMultiDict(answer.headers)))
                response.content_length = answer.content_length
                await response.prepare(request)
                async for piece in answer.content.iter_any():
                    await response.write(piece)
                await response.write_eof()
                return response

        app = web.Application(client_max_size=1 << 30)
        app.router.add_post("/{path:.*}", proxy)
        runner = web.AppRunner(app, access_log=None, auto_decompress=False)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0, backlog=4096)
        await site.start()
        print(runner.addresses[0][1], flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    uvloop.run(serve(sys.argv[1]))
