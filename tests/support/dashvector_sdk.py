"""The official SDK of DashVector, pointed at a gateway on this machine.

Rule: its calls block, so that they run in a thread. It sends them from an event loop that it never ends, so that it
gets one of ours."""

from __future__ import annotations

import asyncio
import os
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # when its modules are compiled
    import dashvector
    from dashvector.common import handler
    from dashvector.common.types import DashVectorProtocol, VectorParam, VectorQuery
    from dashvector.core.handler.http_handler import HTTPHandler

__all__ = ["VectorParam", "VectorQuery", "client_of", "dashvector", "sdk_loop"]

os.environ["DASHVECTOR_INSECURE_MODE"] = "true"
handler.verify_endpoint = bool
"""As README.md says: the SDK itself refuses every address that has a port."""


def client_of(url: str, key: str = "any") -> Any:
    """Use it in a thread, inside of `sdk_loop`."""
    return dashvector.Client(api_key=key, endpoint=url.removeprefix("http://"), protocol=DashVectorProtocol.HTTP)


@contextmanager
def sdk_loop() -> Iterator[None]:
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    HTTPHandler._HTTPAsyncClient._aio_ev_loop = loop
    try:
        yield
    finally:
        HTTPHandler._HTTPAsyncClient._aio_ev_loop = None
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
