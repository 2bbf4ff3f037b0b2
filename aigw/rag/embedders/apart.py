"""A model in a process of its own. On a Mac, torch and faiss each bring a runtime of OpenMP, and a process that has
both crashes: https://github.com/faiss-wheels/faiss-wheels/issues/73. The process is
`python -m aigw.rag.embedders.apart NAME [download]`, and ends with its stdin.

Rule: messages are msgpack after their length, never pickle. What libraries print does not come between them."""

from __future__ import annotations

import os
import signal
import struct
import subprocess
import sys
import threading
import weakref
from collections.abc import Sequence
from contextlib import suppress
from typing import IO, TYPE_CHECKING, TypeVar

import msgspec

from aigw.core.child_process import UNDISTURBED
from aigw.core.retrieval import Purpose, RetrievalError
from aigw.rag.embedders.minilm import MiniLM
from aigw.rag.embedders.model import Model
from aigw.rag.embedders.sentence_transformer import KIND, SentenceTransformerModel

if TYPE_CHECKING:
    from aigw.core.retrieval import Vectors

NEEDED = sys.platform == "darwin"
DOWNLOAD = "download"
_LENGTH = struct.Struct(">I")
T = TypeVar("T")


class Encode(msgspec.Struct, tag="encode"):
    texts: Sequence[str]
    purpose: Purpose


class Count(msgspec.Struct, tag="count"):
    text: str


class Window(msgspec.Struct, tag="window"):
    pass


Order = Encode | Count | Window


class Answer(msgspec.Struct):
    """`vectors` are the bytes of floats. `error` is the reason why there is no answer."""

    vectors: bytes = b""
    number: int = 0
    error: str = ""


class Apart:
    """A `Model`: another one, as `model_of` makes it of `name`."""

    def __init__(self, name: str, *, download: bool) -> None:
        """Raises RetrievalError as the other one does."""
        self.name = model_of(name, download=download).name
        self._command = [sys.executable, "-P", "-m", __name__, name, *[DOWNLOAD] * download]
        self._process: subprocess.Popen[bytes] | None = None
        self._asking = threading.Lock()

    @property
    def window(self) -> int:
        return self._ask(Window()).number

    def dimension(self) -> int:
        return int(self.encode(["dimension"], "query").shape[1])

    def encode(self, texts: Sequence[str], purpose: Purpose) -> Vectors:
        import numpy as np

        return np.frombuffer(self._ask(Encode(texts, purpose)).vectors, np.float32).reshape(len(texts), -1)

    def count(self, text: str) -> int:
        return self._ask(Count(text)).number

    def _ask(self, order: Order) -> Answer:
        with self._asking:
            process = self._running()
            assert process.stdin is not None
            assert process.stdout is not None
            with suppress(OSError):
                _send(process.stdin, order)
            answer = _received(process.stdout, Answer)
            if answer is None:
                raise RetrievalError(f"the process with the model {self.name} has ended ({_how(process.wait())})")
        if answer.error:
            raise RetrievalError(answer.error)
        return answer

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None or self._process.poll() is not None:
            self._process = subprocess.Popen(  # noqa: S603 - aigw itself
                self._command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                **UNDISTURBED,
            )
            weakref.finalize(self, _end, self._process)
        return self._process


def _end(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    with process:  # closes its pipes, and waits
        pass


def model_of(name: str, *, download: bool) -> Model:
    """The models that torch runs. Raises RetrievalError."""
    if name.startswith(KIND):
        return SentenceTransformerModel(name, download=download)
    return MiniLM(onnx=False, download=download)


def _send(target: IO[bytes], message: object) -> None:
    written = msgspec.msgpack.encode(message)
    target.write(_LENGTH.pack(len(written)) + written)
    target.flush()


def _received(source: IO[bytes], kind: type[T]) -> T | None:
    """The next message; None if the other end has ended."""
    head = source.read(_LENGTH.size)
    if len(head) < _LENGTH.size:
        return None
    (size,) = _LENGTH.unpack(head)
    written = source.read(size)
    return msgspec.msgpack.decode(written, type=kind) if len(written) == size else None


def _how(code: int) -> str:
    return signal.Signals(-code).name if code < 0 else f"exit code {code}"


def _answer(model: Model, order: Order) -> Answer:
    try:
        match order:
            case Encode():
                return Answer(vectors=model.encode(order.texts, order.purpose).tobytes())
            case Count():
                return Answer(number=model.count(order.text))
        return Answer(number=model.window)
    except RetrievalError as error:
        return Answer(error=str(error))


def main() -> None:
    orders, answers = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    model = model_of(sys.argv[1], download=DOWNLOAD in sys.argv[2:])
    while (order := _received(orders, Order)) is not None:  # type: ignore[arg-type]
        _send(answers, _answer(model, order))


if __name__ == "__main__":
    main()
