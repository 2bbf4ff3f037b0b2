"""Chromium without a window, driven by its DevTools protocol over a websocket."""

from __future__ import annotations

import asyncio
import base64
import itertools
import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import IO, Any

import aiohttp

FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage", "--disable-extensions", "--hide-scrollbars",
    "--remote-debugging-port=0", "about:blank",
)  # fmt: skip
PATIENCE = 20
REQUIRED = "AIGW_REQUIRE_BROWSER"


def chromium() -> str | None:
    return next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


class BrowserError(Exception):
    """The browser or a script in its page failed."""


class Page:
    """One page. `errors` are what its console and its policy complained of. Pages of one `context` share their
    connections."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse, session: str, context: str) -> None:
        self.context = context
        self.errors: list[str] = []
        self._socket = socket
        self._session = session
        self._numbers = itertools.count(1)
        self._waiting: dict[int, asyncio.Future[Any]] = {}
        self._reading = asyncio.create_task(self._read())

    async def send(self, method: str, **params: object) -> Any:
        number = next(self._numbers)
        self._waiting[number] = asyncio.get_running_loop().create_future()
        await self._socket.send_json({"id": number, "sessionId": self._session, "method": method, "params": params})
        return await asyncio.wait_for(self._waiting[number], PATIENCE)

    async def close(self) -> None:
        self._reading.cancel()
        with suppress(asyncio.CancelledError):
            await self._reading

    async def look(self, *, width: int = 1440, height: int = 900, dark: bool = False, language: str = "en-US") -> None:
        """Sets the window, the colours and the language."""
        phone = width < 700
        await self.send(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=phone
        )
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        await self.send("Emulation.setEmulatedMedia", features=[scheme])
        await self.send("Emulation.setUserAgentOverride", userAgent="Chromium", acceptLanguage=language)

    async def open(self, url: str) -> None:
        await self.send("Page.navigate", url="about:blank")
        await self.send("Page.navigate", url=url)

    async def run(self, script: str) -> Any:
        """The value of an expression, awaited if it is a promise."""
        got = await self.send("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        if "exceptionDetails" in got:
            raise BrowserError(json.dumps(got["exceptionDetails"])[:1000])
        return got["result"].get("value")

    async def until(self, script: str) -> Any:
        """Waits until the expression is true in the page, and gives its value. One that fails is not true yet."""
        wait = f"new Promise(done => {{ const look = () => {{ let it; try {{ it = ({script}) }} catch {{}} it ? done(it) : setTimeout(look, 16) }}; look() }})"
        try:
            return await self.run(wait)
        except TimeoutError:
            text = await self.run("document.body.innerText.slice(0, 1500)")
            raise BrowserError(f"never true: {script}\n{text}\n{self.errors}") from None

    async def press(self, key: str, text: str = "") -> None:
        for kind in ("keyDown", "keyUp"):
            await self.send(
                "Input.dispatchKeyEvent", type=kind, key=key, **({"text": text} if text and kind == "keyDown" else {})
            )

    async def type(self, text: str) -> None:
        await self.send("Input.insertText", text=text)

    async def picture(self) -> bytes:
        """A PNG of what is in the window."""
        return base64.b64decode((await self.send("Page.captureScreenshot", format="png"))["data"])

    async def _read(self) -> None:
        async for message in self._socket:
            told = json.loads(message.data)
            if (waiting := self._waiting.pop(told.get("id"), None)) and not waiting.done():
                if "error" in told:
                    waiting.set_exception(BrowserError(str(told["error"])))
                else:
                    waiting.set_result(told["result"])
            elif told.get("method") == "Log.entryAdded" and told["params"]["entry"]["level"] == "error":
                self.errors.append(told["params"]["entry"]["text"])
            elif told.get("method") == "Runtime.exceptionThrown":
                self.errors.append(json.dumps(told["params"]["exceptionDetails"])[:500])


@contextmanager
def browsing(path: str) -> Iterator[str]:
    """Starts the Chromium at this path. Gives the address of its protocol."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        env = {**os.environ, "HOME": profile}
        command = [path, f"--user-data-dir={profile}", *FLAGS]
        process = subprocess.Popen(command, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        assert process.stderr is not None
        try:
            yield _address(process.stderr)
        finally:
            process.kill()
            process.wait()
            process.stderr.close()


def _address(lines: IO[bytes]) -> str:
    for line in lines:
        if b"DevTools listening on " in line:
            return line.split()[-1].decode()
    raise BrowserError("Chromium did not start")


@asynccontextmanager
async def open_page(address: str, context: str = "") -> AsyncIterator[Page]:
    """A page in the browser at this address, as a further window in the context of another page, or in one of its own."""
    async with aiohttp.ClientSession() as client, client.ws_connect(address, max_msg_size=0) as socket:
        made = context or (await _ask(socket, "Target.createBrowserContext"))["browserContextId"]
        target = (await _ask(socket, "Target.createTarget", url="about:blank", browserContextId=made, newWindow=True))[
            "targetId"
        ]
        page = Page(
            socket, (await _ask(socket, "Target.attachToTarget", targetId=target, flatten=True))["sessionId"], made
        )
        for domain in ("Page", "Runtime", "Log"):
            await page.send(f"{domain}.enable")
        yield page
        await page.close()
        if not context:
            await _ask(socket, "Target.disposeBrowserContext", browserContextId=made)


async def _ask(socket: aiohttp.ClientWebSocketResponse, method: str, **params: object) -> Any:
    await socket.send_json({"id": 0, "method": method, "params": params})
    while (got := await socket.receive_json(timeout=PATIENCE)).get("id") != 0:
        pass
    return got["result"]
