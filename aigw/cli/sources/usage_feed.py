"""Gets the summary for `aigw top` and `aigw usage`: from the file in a state folder, from a running gateway, or from a
Redis to which many gateways write.

Rule: every failure is a FeedError, and its message says what to do."""

from __future__ import annotations

import contextlib
import os
import re
import threading
import time
from collections.abc import Sequence
from http.client import HTTPException
from pathlib import Path
from typing import NamedTuple, Protocol
from urllib.error import HTTPError, URLError
from urllib.parse import SplitResult, urlencode, urlsplit
from urllib.request import HTTPRedirectHandler, OpenerDirector, ProxyHandler, Request, build_opener

import msgspec

from aigw.books.summary import Summary
from aigw.books.usage_file import FILE_NAME
from aigw.books.usage_query import summarise
from aigw.books.usage_question import parse
from aigw.core.plain import plain
from aigw.core.stores import StoreError
from aigw.server.guard import is_loopback
from aigw.stores.redis.url import is_redis_url
from aigw.stores.sqlite_file import FileError

PATH = "/-/usage"
SECONDS = 5.0
MAX_BYTES = 64 << 20
REFRESH_SECONDS = 0.5
_THREADS = 4
"""How many threads at most add up rows for which there are no sums yet. A million rows take 1.5 s with two threads, and
2.4 s with one."""
REST = 2
"""After a reading the reader rests at least this many times as long, so that it does not load a gateway."""


class FeedError(Exception):
    """The message names the place and the remedy. `typed` is true if the options were wrong."""

    def __init__(self, message: str, *, typed: bool = False) -> None:
        super().__init__(message)
        self.typed = typed


class Feed(Protocol):
    """Where summaries of usage come from. `name` is for people. `hint` says what to do if there are no requests at
    all."""

    name: str
    hint: str

    def fetch(self, by: Sequence[str], since: str, until: str = "") -> Summary:
        """`question.parse` says what the texts mean. Raises FeedError."""
        ...


class StateFolder:
    """Reads the file itself. No gateway needs to run."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / FILE_NAME
        self.name = str(folder)
        self.hint = (
            f"There is no usage in {folder} yet: start `aigw serve` here and send it a request, or name another state"
            " folder with --state or a gateway with --url." + _of_recipes(folder)
        )

    def fetch(self, by: Sequence[str], since: str, until: str = "") -> Summary:
        try:
            question = parse(by, since, until, now=time.time())
            return summarise(self._path, question, threads=min(_THREADS, os.cpu_count() or 1))
        except (ValueError, FileError) as error:
            raise FeedError(str(error), typed=isinstance(error, ValueError)) from None


def _of_recipes(folder: Path) -> str:
    """Returns a sentence that names the recipes with usage of their own beside this folder, "" if there are none."""
    from aigw.cli.sources.recipe import STATE

    names = list[str]()
    if STATE not in str(folder):
        with contextlib.suppress(PermissionError):  # somebody else's: what is wrong is said when the file is read
            names = sorted(path.parent.name for path in Path(STATE).glob(f"*/{FILE_NAME}"))
    return f" There is usage of recipes: --recipe {' or '.join(names)}." if names else ""


class RunningGateway:
    """Asks the page `/-/usage`; the clock of the gateway counts. `key` is sent as a bearer token, to this address
    only."""

    def __init__(self, url: str, key: str | None) -> None:
        parts = _address(url)
        if key and not (key.isascii() and key.isprintable()):
            raise FeedError("the key of --key or AIGW_KEY has characters that no key has", typed=True)
        self.name = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"
        self.hint = f"{self.name} has no usage yet: send it a request."
        self._headers = {"authorization": f"Bearer {key}"} if key else {}
        self._opener = _opener(parts.hostname or "")

    def fetch(self, by: Sequence[str], since: str, until: str = "") -> Summary:
        query = [*(("by", name) for name in by), ("since", since), *([("until", until)] if until else [])]
        request = Request(f"{self.name}{PATH}?{urlencode(query)}", headers=self._headers)  # noqa: S310
        try:
            with self._opener.open(request, timeout=SECONDS) as response:
                return msgspec.json.decode(response.read(MAX_BYTES), type=Summary)
        except HTTPError as error:
            with error:
                raise FeedError(self._refused(error)) from None
        except (OSError, URLError) as error:
            reason = getattr(error, "reason", None) or error
            raise FeedError(f"{self.name} does not answer ({reason}); is `aigw serve` running there?") from None
        except (msgspec.DecodeError, HTTPException, UnicodeDecodeError):
            raise FeedError(f"{self.name}{PATH} is not the usage of an aigw of this version") from None

    def _refused(self, error: HTTPError) -> str:
        if error.code in (401, 403):
            return f"{self.name} refuses to show its usage ({error.code}); give a key with --key or AIGW_KEY"
        try:
            message = msgspec.json.decode(error.read(1 << 16))["error"]["message"]
        except (msgspec.DecodeError, HTTPException, UnicodeDecodeError, KeyError, TypeError, OSError):
            message = error.reason
        return plain(f"{self.name}{PATH} answers {error.code}: {message}")


def _address(url: str) -> SplitResult:
    """Raises FeedError."""
    with contextlib.suppress(ValueError):
        parts = urlsplit(url if "://" in url else f"http://{url}")
        has_port = parts.port is None or parts.port > 0
        if parts.scheme in ("http", "https") and re.fullmatch(r"[^\s/]+", parts.hostname or "") and has_port:
            return parts
    raise FeedError("--url is the address of a gateway, such as http://127.0.0.1:4700", typed=True)


class SharedRedis:
    """Reads the usage of all gateways that write to this Redis, as `usage: redis://...` tells them to."""

    def __init__(self, url: str) -> None:
        from aigw.books.redis_log_read import SharedUsage

        try:
            self._usage = SharedUsage(url)
        except ValueError as error:
            raise FeedError(f"--url: the address of a Redis {error}", typed=True) from None
        self.name = self._usage.name
        self.hint = f"There is no usage in {self.name} yet: gateways write it there with the same URL under `usage:`."

    def fetch(self, by: Sequence[str], since: str, until: str = "") -> Summary:
        try:
            return self._usage.summarise(parse(by, since, until, now=time.time()))
        except (ValueError, StoreError) as error:
            raise FeedError(str(error), typed=isinstance(error, ValueError)) from None


class _NoRedirects(HTTPRedirectHandler):
    """Follows no redirect: it would carry the key to another address."""

    def redirect_request(self, *_: object) -> None:
        return None


def _opener(host: str) -> OpenerDirector:
    """Uses the proxy of the environment, but not for addresses of this machine."""
    return build_opener(_NoRedirects, *([ProxyHandler({})] if is_loopback(host) else []))


class Latest(NamedTuple):
    """The latest summary. `problem` says why it could not be read again; "" if it could."""

    summary: Summary
    problem: str = ""


class FeedReader:
    """Reads again and again in a thread, so that the screen does not wait for a slow answer. `latest` is replaced,
    never changed."""

    def __init__(self, feed: Feed, by: Sequence[str], since: str, first: Summary) -> None:
        self.latest = Latest(first)
        self._feed = feed
        self._by = by
        self._since = since

    def start(self) -> None:
        """Starts reading in a thread, which ends with the process."""
        threading.Thread(target=self._run, name="usage reader", daemon=True).start()

    def _run(self) -> None:
        while True:
            before = time.monotonic()
            try:
                self.latest = Latest(self._feed.fetch(self._by, self._since))
            except FeedError as error:
                self.latest = Latest(self.latest.summary, str(error))
            took = time.monotonic() - before
            time.sleep(max(REFRESH_SECONDS - took, REST * took))


def feed_for(state: Path | None, url: str | None, key: str | None, recipe: str | None = None) -> Feed:
    """The feed that the options name; without options that of the state folder of the configuration here. Raises
    FeedError."""
    if url is not None:
        return SharedRedis(url) if is_redis_url(url) else RunningGateway(url, key)
    try:
        return StateFolder(state or state_folder(recipe))
    except ValueError as error:
        raise FeedError(str(error), typed=True) from None


def state_folder(recipe: str | None) -> Path:
    """The state folder of a recipe that is served here, or else the one that the file here names. The file may have
    mistakes elsewhere, and secrets may be missing. Raises ValueError if there is no such recipe."""
    import os

    from aigw.cli.default_file import DEFAULT_FILE
    from aigw.cli.sources.recipe import folder_of
    from aigw.config.model import GatewayConfig
    from aigw.config.reading import read_file

    if recipe is not None:
        return folder_of(recipe)
    source, _ = read_file(DEFAULT_FILE, os.environ)
    folder = source.values.get("state_dir")
    return Path(folder if isinstance(folder, str) else GatewayConfig().state_dir).expanduser()
