"""Prices in a file are those that were looked up, as long as nothing says that they may be others now."""

import stat

import pytest

from aigw.pricing import kept_prices
from aigw.pricing.kept_prices import FILE_NAME, KeptPrices, list_in_use
from aigw.pricing.paced_book import PacedBook
from aigw.pricing.prices import Price, Query

AT = 1_790_000_000.0
KNOWN, MADE_UP, OTHER = Query("openai", "gpt-4o"), Query("", "made-up"), Query("", "other", "flex")
PRICES = {
    KNOWN: Price(steps={"input": [(-1, 2.5), (200_000, 5.0)]}, until=AT + 100),
    OTHER: Price(steps={"input": [(-1, 1.0)]}, request=0.01, since=AT - 100),
}


class Book:
    """The prices above, and what was asked for."""

    def __init__(self):
        self.asked = []

    async def __call__(self, asked):
        self.asked += [query.model for query, _ in asked]
        return [PRICES.get(query) for query, _ in asked]


@pytest.fixture
def path(tmp_path):
    return tmp_path / "state" / FILE_NAME


async def asked_of(path, *asked, source="one"):
    """What the book behind the file is asked for, after it was seen that all prices are right."""
    book = Book()
    found = await KeptPrices(path, book, lambda: source)(asked)
    assert found == [PRICES.get(query) for query, _ in asked]
    return book.asked


async def test_what_was_looked_up_is_not_looked_up_again(path):
    assert await asked_of(path, (KNOWN, AT), (MADE_UP, AT)) == ["gpt-4o", "made-up"]
    assert await asked_of(path, (OTHER, AT), (KNOWN, AT)) == ["other"]
    assert await asked_of(path, (KNOWN, AT), (OTHER, AT)) == []
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [each.name for each in path.parent.iterdir()] == [FILE_NAME]


async def test_an_unknown_price_is_looked_up_again(path):
    for _ in range(2):
        assert await asked_of(path, (MADE_UP, AT)) == ["made-up"]
    assert not path.exists()


async def test_a_price_that_does_not_hold_is_looked_up_again(path):
    await asked_of(path, (KNOWN, AT), (OTHER, AT))
    assert await asked_of(path, (KNOWN, AT + 100), (KNOWN, AT + 99), (OTHER, AT - 101)) == ["gpt-4o", "other"]


async def test_prices_of_another_list_do_not_count(path):
    await asked_of(path, (KNOWN, AT))
    assert await asked_of(path, (KNOWN, AT), source="two") == ["gpt-4o"]
    assert await asked_of(path, (KNOWN, AT), source="two") == []


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"garbage",
        b'{"source": "one", "prices": [[["a"], {"steps": {}}]]}',
        b'{"source": "one", "prices": ' + b"[" * 9,
    ],
)
async def test_a_file_that_cannot_be_read_is_made_anew(path, content):
    path.parent.mkdir()
    path.write_bytes(content)
    assert await asked_of(path, (KNOWN, AT)) == ["gpt-4o"]
    assert await asked_of(path, (KNOWN, AT)) == []


async def test_a_link_in_its_place_is_not_followed(path):
    await asked_of(path, (KNOWN, AT))
    there = path.rename(path.with_name("there"))
    before = there.read_bytes()
    path.symlink_to(there)
    assert await asked_of(path, (OTHER, AT), (KNOWN, AT)) == ["other", "gpt-4o"]
    assert there.read_bytes() == before


async def test_a_folder_that_cannot_be_written_costs_nothing_but_time(tmp_path):
    (tmp_path / "state").touch()
    assert await asked_of(tmp_path / "state" / FILE_NAME, (KNOWN, AT)) == ["gpt-4o"]


def test_a_gateway_keeps_them_in_its_folder(tmp_path):
    assert isinstance(kept_prices.book(tmp_path), KeptPrices)
    assert isinstance(kept_prices.book(None), PacedBook)
    assert list_in_use() == list_in_use()
    assert len(list_in_use().split()) == 3
