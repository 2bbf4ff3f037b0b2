"""Serves the page of the gateway with made-up data: `python tests/support/page_server.py 30 8900` shows 30 requests."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import page_data
from aiohttp import web

from aigw.server.page.files import INDEX, POLICY, page_files

WORDS = ("Requests ", "are kept ", "while somebody ", "looks.")


class PageWorld:
    """`url` is where it is. `requests` are the summaries that it has, oldest first; `text` is what details answer."""

    def __init__(self, number: int, admin_key: str = "") -> None:
        self.url = ""
        self.requests = page_data.requests(number)
        self.text = page_data.TEXT
        self.admin_key = admin_key
        self.asked: list[Any] = []
        """The bodies of the chats that it got."""
        self._readers: set[web.StreamResponse] = set()
        self._open = asyncio.Event()

    def app(self) -> web.Application:
        app = web.Application(client_max_size=64 << 20)
        app.router.add_get("/", self._file)
        app.router.add_get("/-/page/{name}", self._file)
        app.router.add_get("/-/events", self._events)
        app.router.add_get("/-/requests/{id}/{which}", self._raw)
        app.router.add_route("*", "/-/{path:.*}", self._data)
        app.router.add_post("/v1/chat/completions", self._chat)
        app.on_shutdown.append(self._hang_up)
        return app

    @property
    def readers(self) -> int:
        """How many read events."""
        return len(self._readers)

    async def passes(self, *requests: dict[str, Any]) -> None:
        """These requests come in, as an event."""
        for each in requests:
            self.requests.append(each | {"seq": len(self.requests) + 1})
        told = {"seq": len(self.requests), "requests": self.requests[-len(requests) :], "skipped": 0}
        for reader in list(self._readers):
            await reader.write(f"event: requests\ndata: {json.dumps(told)}\n\n".encode())

    def hang_up(self) -> None:
        """The connections of those who read events break."""
        for reader in self._readers:
            if reader._req is not None and reader._req.transport is not None:
                reader._req.transport.close()
        self._readers.clear()
        self._open.clear()

    async def watched(self) -> None:
        """Returns when somebody reads events."""
        await asyncio.wait_for(self._open.wait(), 20)

    async def _hang_up(self, _: web.Application) -> None:
        self.hang_up()

    async def _file(self, http: web.Request) -> web.Response:
        file = page_files().get(http.match_info.get("name", INDEX))
        if file is None:
            raise web.HTTPNotFound
        return web.Response(body=file.body, headers={"Content-Type": file.kind, "Content-Security-Policy": POLICY})

    async def _events(self, http: web.Request) -> web.StreamResponse:
        self._check(http)
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(http)
        await response.write(b": here\n\n")
        self._readers.add(response)
        self._open.set()
        try:
            await asyncio.Event().wait()  # until the connection ends
        finally:
            self._readers.discard(response)
            if not self._readers:
                self._open.clear()

    async def _raw(self, http: web.Request) -> web.Response:
        self._check(http)
        return web.Response(text=self._details(http.match_info["id"])[http.match_info["which"]]["body"])

    def _details(self, id_: str) -> dict[str, Any]:
        found = next((each for each in self.requests if each["id"] == id_), None)
        if found is None:
            raise web.HTTPNotFound(text='{"error":{"message":"there is no such request"}}')
        return page_data.details(found, self.text)

    def _check(self, http: web.Request) -> None:
        if self.admin_key and http.headers.get("authorization") != f"Bearer {self.admin_key}":
            raise web.HTTPForbidden(text='{"error":{"message":"this is for the gateway\'s own machine"}}')

    async def _data(self, http: web.Request) -> web.Response:
        self._check(http)
        path, query = http.match_info["path"], http.query
        return web.json_response(self._answer(path, dict(query), await http.json() if http.method == "POST" else None))

    def _answer(self, path: str, query: dict[str, str], body: Any) -> Any:
        known = {
            "models": page_data.models, "templates": page_data.templates, "recordings": page_data.recordings,
            "routes": page_data.routes, "doctor": page_data.findings, "collections": page_data.collections,
        }  # fmt: skip
        if path in known:
            return known[path]() if self.requests or path in ("models", "routes", "doctor") else []
        match path.split("/"):
            case ["requests"]:
                after = int(query.get("after", 0))
                return {"seq": len(self.requests), "requests": [each for each in self.requests if each["seq"] > after]}
            case ["requests", id_]:
                return self._details(id_)
            case ["numbers"]:
                return page_data.numbers(query["since"], len(self.requests))
            case ["collections", _]:
                return page_data.sources()
            case ["start"]:
                return page_data.start(self.url)
            case ["try", what]:
                return self._try(what, body)
        raise web.HTTPNotFound(text='{"error":{"message":"there is no such page"}}')

    def _try(self, what: str, body: dict[str, Any]) -> Any:
        if what == "template":
            return {
                "messages": [{"role": "user", "content": "Translate into {language}: {text}".format(**body["values"])}]
            }
        if what == "search":
            return {"passages": page_data.details(self.requests[0])["passages"]}
        return {
            "verdict": "mask",
            "findings": [{"label": "email", "level": "medium", "start": 6, "end": 21, "text": body["text"][6:21]}],
        }

    async def _chat(self, http: web.Request) -> web.StreamResponse:
        self.asked.append(await http.json())
        if self.asked[-1]["model"] == "unknown":
            raise web.HTTPNotFound(text='{"error":{"message":"there is no such model"}}')
        if self.asked[-1]["model"] == "locked":
            raise web.HTTPUnauthorized(text='{"error":{"message":"a key is wanted"}}')
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream", "x-aigw-request-id": "req-000001"})
        await response.prepare(http)
        for word in WORDS:
            await response.write(
                f"data: {json.dumps({'model': 'qwen-max', 'choices': [{'delta': {'content': word}}]})}\r\n\r\n".encode()
            )
        usage = {"choices": [], "usage": {"prompt_tokens": 11, "completion_tokens": 9}}
        await response.write(f"data: {json.dumps(usage)}\n\ndata: [DONE]\n\n".encode())
        return response


@asynccontextmanager
async def serving_page(world: PageWorld, port: int = 0) -> AsyncIterator[PageWorld]:
    runner = web.AppRunner(world.app(), shutdown_timeout=0.1, handler_cancellation=True)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    world.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield world
    finally:
        await runner.cleanup()


async def _main(number: int, port: int) -> None:
    async with serving_page(PageWorld(number), port) as world:
        print(world.url, flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(_main(int(sys.argv[1]), int(sys.argv[2])))
