"""The child process in which sources are read: `python -m aigw.rag.reader_process MEMORY`. It reads one after
the other, as its stdin says, and ends with it.

Rules: what a source can do to the process is bounded: its memory, and the CPU time for each source. Messages are
msgpack after their length, never pickle. What libraries print does not come between them."""

from __future__ import annotations

import os
import struct
import sys
import threading
import time
from typing import BinaryIO

import msgspec

from aigw.core.extras import INSTALL_RAG
from aigw.rag.document import Document, UnreadableError
from aigw.rag.readers.encoding import clean
from aigw.rag.readers.kinds import reader_of

if sys.platform != "win32":
    import resource


class Asked(msgspec.Struct, array_like=True):
    """An order to read a source. `seconds` bounds the CPU time."""

    kind: str
    charset: str
    seconds: int
    data: bytes


class Answer(msgspec.Struct, array_like=True):
    """The result: a document, or the reason why there is none."""

    document: Document | None = None
    error: str = ""


LENGTH = struct.Struct(">I")
OUT_OF_MEMORY = 12
"""The exit code of a process whose memory is full."""
LOOK_SECONDS = 0.05
"""How often a process looks how much memory it has taken, if the system does not limit that."""


def main() -> None:
    _limit_memory(int(sys.argv[1]))
    asked, answers = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    while head := asked.read(LENGTH.size):
        try:
            _send(answers, _answer(asked.read(LENGTH.unpack(head)[0])))
        except MemoryError:
            sys.exit(OUT_OF_MEMORY)


def _send(answers: BinaryIO, answer: Answer) -> None:
    written = msgspec.msgpack.encode(answer)
    answers.write(LENGTH.pack(len(written)) + written)
    answers.flush()


def _answer(message: bytes) -> Answer:
    asked = msgspec.msgpack.decode(message, type=Asked)
    _limit_time(asked.seconds)
    try:
        return Answer(reader_of(asked.kind)(asked.data, asked.charset))
    except UnreadableError as error:
        return Answer(error=clean(str(error)))
    except ModuleNotFoundError as error:
        return Answer(error=f"the package {error.name} is missing: {INSTALL_RAG}")
    except RecursionError:
        return Answer(error="its parts are nested too deeply")
    except MemoryError:
        raise
    except Exception as error:  # noqa: BLE001  a library may raise anything for a file that it does not expect
        return Answer(error=clean(f"it cannot be read: {type(error).__name__}: {error}"[:300]))


def _limit_memory(size: int) -> None:
    """Lets the system refuse more memory than `size` bytes. macOS does not do that, and says so by a ValueError."""
    if sys.platform != "win32":
        _, hard = resource.getrlimit(resource.RLIMIT_AS)
        most = size if hard == resource.RLIM_INFINITY else min(size, hard)
        try:
            resource.setrlimit(resource.RLIMIT_AS, (most, hard))
        except (OSError, ValueError):
            threading.Thread(target=end_when_full, args=(size,), daemon=True).start()
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def end_when_full(size: int) -> None:
    """Ends this process when it has taken more than `size` bytes, as soon as this thread gets a turn."""
    if sys.platform != "win32":
        unit = 1 if sys.platform == "darwin" else 1024
        while resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit <= size:
            time.sleep(LOOK_SECONDS)
        os._exit(OUT_OF_MEMORY)


def _limit_time(seconds: int) -> None:
    """Lets the system end this process after `seconds` more of CPU time."""
    if sys.platform != "win32":
        _, hard = resource.getrlimit(resource.RLIMIT_CPU)
        resource.setrlimit(resource.RLIMIT_CPU, (int(time.process_time()) + seconds + 1, hard))


if __name__ == "__main__":
    main()
