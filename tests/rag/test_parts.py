"""Texts are embedded in parts that take some seconds, in their order."""

import numpy as np
import pytest
from fakes import FakeClock
from small_embedder import SmallEmbedder

from aigw.rag.parts import LEAST, MOST, Parts


class Slow(SmallEmbedder):
    def __init__(self, clock, seconds):
        super().__init__()
        self._clock, self._seconds = clock, seconds

    async def embed(self, texts, purpose):
        self._clock.now += self._seconds * len(texts)
        return await super().embed(texts, purpose)


@pytest.mark.parametrize(
    ("seconds", "sizes"), [(0, [32, MOST, 112]), (0.125, [32, *[40] * 8, 48]), (9, [32, *[LEAST] * 23])]
)
async def test_a_part_takes_some_seconds(seconds, sizes):
    clock, told = FakeClock(), []
    texts = [f"text {number}" for number in range(400)]
    found = await Parts(clock.time, told.append).embed(slow := Slow(clock, seconds), texts)
    assert (told, sum(told)) == (sizes, 400)
    assert np.array_equal(found, await slow.embed(texts, "passage"))


async def test_a_few_texts_are_one_part():
    told = []
    parts = Parts(FakeClock().time, told.append)
    assert [len(await parts.embed(SmallEmbedder(), ["a"] * count)) for count in (47, 0, 5)] == [47, 0, 5]
    assert told == [47, 0, 5]
