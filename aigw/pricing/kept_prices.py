"""Keeps prices that were looked up in a file of the state folder, so that a gateway that starts later need not wait for
them.

Rule: a kept price is used as long as the installed price list is the same and the price is valid. A file that cannot be
used counts as empty. An unknown price is not kept, because its lookup may have failed."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Callable, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path

import msgspec

from aigw.pricing.paced_book import PacedBook
from aigw.pricing.prices import Asked, Book, Price, Query, ask_pricebook
from aigw.providers import catalog
from aigw.stores.private import make_folder, open_file

log = logging.getLogger("aigw")

FILE_NAME = "prices.json"
"""The file below the state folder."""
_MOST = 1024
"""How many prices are kept: the ones that were looked up last."""
_MOST_BYTES = 1 << 20

Known = dict[Query, Price]


class _File(msgspec.Struct):
    """The file of kept prices. `source` is what `list_in_use` says of the list from which the prices come."""

    source: str
    prices: list[tuple[Query, Price]]


_decode = msgspec.json.Decoder(_File).decode


def list_in_use() -> str:
    """Tells the list of prices, and what looks it up, from any other version of them. Nothing is loaded for that."""
    found = find_spec("genai_prices")
    places = list(found.submodule_search_locations or ()) if found is not None else []
    files = [
        *(Path(place, "data.py") for place in places),
        Path(__file__).with_name("pricebook.py"),
        Path(catalog.__file__),
    ]
    return " ".join(f"{each.st_size}-{each.st_mtime_ns}" for each in map(os.stat, files))


class KeptPrices:
    """A Book in front of another one, which keeps its prices in a file."""

    def __init__(self, path: Path, book: Book = ask_pricebook, source: Callable[[], str] = list_in_use) -> None:
        self._path = path
        self._book = book
        self._source = source

    async def __call__(self, asked: Sequence[Asked]) -> Sequence[Price | None]:
        known = await asyncio.to_thread(self._read)
        found: dict[Asked, Price | None] = {
            (query, at): known[query] for query, at in asked if query in known and _holds(known[query], at)
        }
        missing = [each for each in asked if each not in found]
        if missing:
            found |= zip(missing, await self._book(missing), strict=True)
            fresh = {query: price for query, at in missing if (price := found[query, at]) is not None}
            await asyncio.to_thread(self._add, fresh)
        return [found[each] for each in asked]

    def _read(self) -> Known:
        try:
            with os.fdopen(open_file(self._path, os.O_RDONLY), "rb") as content:
                file = _decode(content.read(_MOST_BYTES))
            return dict(file.prices) if file.source == self._source() else {}
        except FileNotFoundError:
            return {}
        except (OSError, msgspec.DecodeError, UnicodeDecodeError) as error:
            log.debug("no prices are kept in %s: %s", self._path, error)
            return {}

    def _add(self, fresh: Mapping[Query, Price]) -> None:
        if not fresh:
            return
        known = self._read()  # another process may have added some
        for query in fresh:
            known.pop(query, None)
        kept = [*known.items(), *fresh.items()][-_MOST:]
        try:
            self._write(_File(self._source(), kept))
        except OSError as error:
            log.debug("prices cannot be kept in %s: %s", self._path, error)

    def _write(self, file: _File) -> None:
        make_folder(self._path.parent)
        new = self._path.with_name(f".{self._path.name}.{os.getpid()}")
        with os.fdopen(open_file(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), "wb") as content:
            content.write(msgspec.json.encode(file))
        new.replace(self._path)


def book(folder: Path | None) -> Book:
    """Returns the book that looks up prices for a gateway with this state folder, or without one."""
    paced = PacedBook()
    return paced if folder is None else KeptPrices(folder / FILE_NAME, paced)


def _holds(price: Price, at: float) -> bool:
    return price.since <= at and (price.until is None or at < price.until)
