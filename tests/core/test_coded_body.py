"""A coded body that turns out to be large does not hold up others."""

import asyncio
import gzip
import threading

import pytest

from aigw.core.aside import aside
from aigw.core.coded_body import uncoded
from aigw.core.content_coding import TooLargeError
from aigw.core.pace import LARGE


async def test_what_turns_out_to_be_large_is_decoded_aside():
    small, large = bytes(LARGE), bytes(LARGE + 1)
    may = threading.Event()
    before = asyncio.create_task(aside(LARGE + 1, may.wait, 10))
    decoding = asyncio.create_task(uncoded(gzip.compress(large), "gzip", 2 * LARGE))
    assert await uncoded(gzip.compress(small), "gzip", 2 * LARGE) == (small, True)
    assert not decoding.done()
    may.set()
    assert await before
    assert await decoding == (large, True)


async def test_what_cannot_be_decoded():
    coded = gzip.compress(bytes(LARGE))
    with pytest.raises(TooLargeError):
        await uncoded(coded, "gzip", LARGE - 1)
    with pytest.raises(ValueError, match="unknown"):
        await uncoded(coded, "x-unknown", LARGE)
    assert (await uncoded(coded[:-1], "gzip", LARGE))[1] is False
