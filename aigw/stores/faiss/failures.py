"""Failures of SQLite and of the disk, as errors of retrieval that say what helps."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator

from aigw.core.retrieval import RetrievalError
from aigw.core.stores import StoreError


@contextlib.contextmanager
def told(name: str) -> Iterator[None]:
    """Raises RetrievalError for what goes wrong with the collection of this name, "": with all of them."""
    what = f"the collection {name}" if name else "the collections"
    try:
        yield
    except sqlite3.OperationalError as error:
        raise RetrievalError(f"the collection {name} cannot be used now: {error}") from None
    except sqlite3.DatabaseError as error:
        raise RetrievalError(f"the manifest of the collection {name} is damaged ({error}); {remedy(name)}") from None
    except UnicodeEncodeError as error:
        raise RetrievalError(f"the collection {name} cannot keep what is no Unicode text: {error}") from None
    except (StoreError, OSError) as error:
        raise RetrievalError(f"{what} cannot be used: {error}") from None


def remedy(name: str) -> str:
    return f"`aigw rag repair -n {name}` saves what can be read of it"
