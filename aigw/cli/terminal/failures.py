"""What a command says when it fails, and with which code it ends: USAGE if what was typed or configured is wrong,
FAILURE if what it needs cannot be used."""

from __future__ import annotations

from collections.abc import Coroutine, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

from aigw.cli.terminal.output import FAILURE, USAGE, fail

T = TypeVar("T")


@contextmanager
def failing(command: str) -> Iterator[None]:
    """Prints expected errors of the block, and ends the command. Errors that nobody raises on purpose are not
    caught."""
    try:
        yield
    except Exception as error:
        lines, code = _lines_for(error)
        if not lines:
            raise
        fail(command, lines, code)


def _lines_for(error: Exception) -> tuple[Sequence[str], int]:
    """The lines and the exit code for an error, no lines for one that was not expected."""
    from aigw.core.errors import AddressError, ConfigError
    from aigw.core.retrieval import RetrievalError
    from aigw.core.stores import StoreError
    from aigw.traffic.format.folder import RecordingError

    if isinstance(error, ConfigError):
        return error.findings, USAGE
    if isinstance(error, ValueError):
        return [str(error)], USAGE
    expected = isinstance(error, AddressError | RecordingError | RetrievalError | StoreError)
    return [str(error)] if expected else [], FAILURE


def run_or_fail(command: str, work: Coroutine[Any, Any, T]) -> T:
    """Runs `work` and returns its result. If it fails, says what went wrong and exits."""
    import asyncio

    try:
        with failing(command):
            return asyncio.run(work)
    except LookupError as error:
        fail(command, str(error))
    except BrokenPipeError:  # nobody reads on: typer ends quietly
        raise
    except OSError as error:
        fail(command, f"{error.filename}: {error.strerror}" if error.filename else str(error))
