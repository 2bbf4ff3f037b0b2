"""Failures of Milvus and of the way to it, as errors of retrieval that name the server and what helps."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from aigw.core.retrieval import NoCollectionError, RetrievalError

_NOT_FOUND = (100, 4)
"""The codes of a collection that is not there, new and old."""
_NOT_LOADED = 101
_LONGEST = 300
_REMEDIES = {
    "UNAVAILABLE": "cannot be reached; is it running? rag.store says where it is",
    "DEADLINE_EXCEEDED": "does not answer in time; is it overloaded?",
    "UNAUTHENTICATED": "refuses the user; rag.store takes milvus://USER:PASSWORD@HOST or milvus://TOKEN@HOST",
    "PERMISSION_DENIED": "does not let this user do it; grant it, or name another one in rag.store",
    "UNIMPLEMENTED": "does not know this call; is it really a Milvus?",
}
"""What a failure means and what to do, by the name of gRPC's status."""
_LOOKS = {
    "fail connecting": "UNAVAILABLE",
    "retry timeout": "UNAVAILABLE",
    "retry run out": "UNAVAILABLE",
    "auth check failure": "UNAUTHENTICATED",
    "unauthenticated": "UNAUTHENTICATED",
    "permission deny": "PERMISSION_DENIED",
}
"""Parts of Milvus's own messages, with the gRPC status for which each stands."""


class NotLoadedError(RetrievalError):
    """The server has the collection, and has not loaded it, as after its own start."""


@contextlib.contextmanager
def told(server: str, name: str = "") -> Iterator[None]:
    """Raises RetrievalError for what goes wrong with the collection of this name ("": with none)."""
    import grpc
    from pymilvus import MilvusException

    try:
        yield
    except MilvusException as error:
        cause = error.__cause__  # a failed connection is only told there
        code = cause.code() if isinstance(cause, grpc.RpcError) else error.code
        raise _translated(server, name, code, error.message) from None
    except grpc.RpcError as error:
        raise RetrievalError(_message(server, error.code().name, error.details() or "")) from None
    except UnicodeEncodeError as error:
        raise RetrievalError(f"the collection {name} cannot keep what is no Unicode text: {error}") from None


def _translated(server: str, name: str, code: object, message: str) -> RetrievalError:
    if code in _NOT_FOUND and name:
        return NoCollectionError(f"there is no collection {name} at the Milvus {server}")
    if code == _NOT_LOADED:
        return NotLoadedError(_message(server, "", message))
    status = getattr(code, "name", "")
    if status not in _REMEDIES:
        status = next((each for look, each in _LOOKS.items() if look in message.lower()), "")
    return RetrievalError(_message(server, status, message))


def _message(server: str, status: str, message: str) -> str:
    if remedy := _REMEDIES.get(status):
        return f"the Milvus at {server} {remedy}"
    first = " ".join(message.split())[:_LONGEST]
    return f"the Milvus at {server} refuses: {first or status or 'it does not say why'}"
