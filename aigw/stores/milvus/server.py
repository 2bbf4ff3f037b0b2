"""The connection to a Milvus.

Rule: everything here blocks, and is called in a thread. It connects when it is used first; what was lost is connected
again by the next call."""

from __future__ import annotations

import contextlib
import functools
import logging
import os
import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from aigw.core.extras import to_install
from aigw.core.retrieval import RetrievalError
from aigw.stores.milvus.address import MilvusAddress
from aigw.stores.milvus.failures import told

if TYPE_CHECKING:
    from pymilvus import MilvusClient

READ_SECONDS = 5.0
WRITE_SECONDS = 60.0
_NO_DOTENV = "PYTHON_DOTENV_DISABLED"
_loading = threading.Lock()


class Server:
    """The connection to a Milvus. `patience` is how many seconds a call may take that says nothing else."""

    def __init__(self, address: MilvusAddress, patience: float = READ_SECONDS) -> None:
        self.address = address
        self._patience = patience
        self._connecting = threading.Lock()
        self._client: MilvusClient | None = None
        self._closed = False

    def call(self, name: str, method: str, *arguments: object, seconds: float = 0.0, **named: object) -> Any:
        """Calls a method of pymilvus's client. `name` is the collection that it is about, "" for none. Raises
        RetrievalError."""
        with self.told(name):
            return getattr(self._connected(), method)(*arguments, timeout=seconds or self._patience, **named)

    @contextlib.contextmanager
    def told(self, name: str) -> Iterator[None]:
        """Raises RetrievalError for what goes wrong inside of it."""
        _load()
        with told(str(self.address), name):
            yield

    def close(self) -> None:
        with self._connecting:
            self._closed = True
            if self._client is not None:
                self._client.close()

    def _connected(self) -> MilvusClient:
        with self._connecting:
            if self._closed:
                raise RetrievalError("the collections have been closed")
            if self._client is None:
                from pymilvus import MilvusClient

                at = self.address
                self._client = MilvusClient(
                    at.url, token=at.token, db_name=at.database, timeout=self._patience, dedicated=True,
                    grpc_options={"grpc.use_local_subchannel_pool": 1},
                )  # fmt: skip  # else a new connection would wait as long as the lost one was told to
            return self._client


@functools.cache
def _load() -> None:
    """Loads pymilvus, which would read a file .env into the environment and write each failure to stderr."""
    with _loading:
        before = os.environ.get(_NO_DOTENV)
        os.environ[_NO_DOTENV] = "1"
        try:
            import pymilvus  # noqa: F401
        except ImportError as error:
            raise RetrievalError(f"rag.store names a Milvus: {to_install('milvus')} ({error})") from None
        finally:
            if before is None:
                del os.environ[_NO_DOTENV]
            else:
                os.environ[_NO_DOTENV] = before
        logging.getLogger("pymilvus").setLevel(logging.CRITICAL)
