"""Opened once for all, again when the file is another one, and not tried again and again where it fails."""

import asyncio

import pytest
from fakes import FakeClock

from aigw.core.stores import StoreError
from aigw.stores.shared_file import SharedFile


class Door:
    def __init__(self, path):
        self.path = path
        self.opened = []
        self.closed = []
        self.failure = None

    async def open(self):
        await asyncio.sleep(0)
        if self.failure is not None:
            self.opened.append(None)
            raise StoreError(self.failure)
        self.path.touch()
        self.opened.append(object())
        return self.opened[-1]

    async def close(self, opened):
        self.closed.append(opened)


@pytest.fixture
def clock():
    return FakeClock()


@pytest.fixture
def door(tmp_path):
    return Door(tmp_path / "file")


@pytest.fixture
def shared(door, clock):
    return SharedFile(door.path, door.open, door.close, monotonic=clock.monotonic)


async def test_all_share_one(shared, door):
    assert shared.ready() is None
    opened = await asyncio.gather(*(shared.get() for _ in range(5)))
    assert set(opened) == set(door.opened)
    assert len(door.opened) == 1
    assert shared.ready() is door.opened[0]
    await shared.aclose()
    assert door.closed == door.opened
    assert shared.ready() is None
    with pytest.raises(StoreError, match="is closed"):
        await shared.get()


@pytest.mark.parametrize("how", ["deleted", "replaced"])
async def test_another_file_is_noticed_within_a_second(shared, door, clock, how):
    first = await shared.get()
    clock.now += 0.9
    if how == "deleted":
        door.path.unlink()
    else:
        door.path.with_name("new").touch()
        door.path.with_name("new").replace(door.path)
    assert shared.ready() is first
    clock.now += 0.1
    assert shared.ready() is None
    second = await shared.get()
    assert second is not first
    assert door.closed == [first]


async def test_the_same_file_stays_open(shared, door, clock):
    first = await shared.get()
    clock.now += 60.0
    assert await shared.get() is first
    assert shared.ready() is first
    assert door.closed == []


async def test_a_failure_is_told_at_once_and_tried_again_a_second_later(shared, door, clock):
    door.failure = "no such luck"
    for _ in range(3):
        with pytest.raises(StoreError, match="no such luck"):
            await shared.get()
    assert len(door.opened) == 1
    door.failure = None
    clock.now += 1.0
    assert await shared.get() is door.opened[-1]


async def test_what_broke_is_opened_anew_once(shared, door):
    broken = await shared.get()
    await shared.reopen(broken)
    assert door.closed == [broken]
    second = await shared.get()
    await shared.reopen(broken)
    assert shared.ready() is second
