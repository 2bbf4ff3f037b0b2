"""Runs a gateway in a thread with an event loop of its own, for programs that are not asynchronous."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from concurrent.futures import Future

from aigw.books.request_log import Show
from aigw.cli.sources.private_gateway import PrivateGateway, PrivateGatewayOptions, private_gateway


class GatewayThread:
    """A gateway. `start` returns when it is ready, and raises what `private_gateway` raises, CancelledError if it was
    stopped before; `stop` returns when everything is recorded."""

    def __init__(self, wanted: PrivateGatewayOptions, show: Show | None = None) -> None:
        self._wanted = wanted
        self._show = show
        self._ready: Future[PrivateGateway] = Future()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop = asyncio.Event()
        self._stopped = False
        self._thread = threading.Thread(target=self._run, name="aigw", daemon=True)

    def start(self) -> PrivateGateway:
        self._thread.start()
        return self._ready.result()

    def stop(self) -> None:
        """Stops the gateway, also before it is ready, because somebody may have pressed Ctrl-C."""
        self._stopped = True
        if self._loop is not None and self._thread.is_alive():
            with contextlib.suppress(RuntimeError):  # it has just ended by itself
                self._loop.call_soon_threadsafe(self._stop.set)
        if self._thread.ident is not None:
            self._thread.join()

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except BaseException as error:  # noqa: BLE001 - it is raised again where the caller waits
            if not self._ready.done():
                self._ready.set_exception(error)
        self._ready.cancel()  # nobody waits for a gateway that was stopped before it was ready

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        if self._stopped:  # before there was a loop to tell it
            return
        async with private_gateway(self._wanted, self._show) as gateway:
            self._ready.set_result(gateway)
            await self._stop.wait()
