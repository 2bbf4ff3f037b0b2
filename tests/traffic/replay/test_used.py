"""aigw/traffic/replay/used.py: what replays have used, and what can be removed."""

import os
import stat

import pytest
from recorded_calls import chat_call, said, user, written

from aigw.traffic.replay.used import forget, iso, note, read, unused

BEFORE, LATER = 1_795_000_000.0, 1_795_000_100.0


@pytest.fixture
def folder(tmp_path):
    """Two recordings, made long before."""
    return written(tmp_path / "recs", *((chat_call(user(str(n))), said("x")) for n in range(2)))


def names(folder):
    return [entry.name for entry in unused(folder.entries(), read(folder.path))]


def test_what_no_replay_used(folder):
    note(folder.path, ["001-01-chat.json"], BEFORE)
    assert names(folder) == ["002-01-chat.json"]
    note(folder.path, ["002-01-chat.json"], LATER)
    assert names(folder) == []
    assert (read(folder.path).since, read(folder.path).until) == (iso(BEFORE), iso(LATER))
    forget(folder.path)
    assert read(folder.path) is None


def test_what_is_newer_than_the_last_replay_was_not_left_out_by_it(folder):
    note(folder.path, [], 1_700_000_000.0)
    assert folder.entries()[0].date == iso(1_790_000_000.0)
    assert names(folder) == []


def test_it_is_private_and_git_ignores_it(folder):
    note(folder.path, ["x"], BEFORE)
    place = folder.path / ".aigw"
    assert (place / ".gitignore").read_text() == "*\n"
    assert stat.S_IMODE((place / "used.json").stat().st_mode) == 0o600
    assert stat.S_IMODE(place.stat().st_mode) == 0o700
    assert len(folder.entries()) == 2


@pytest.mark.parametrize("content", [b"", b"[]", b'{"since": 1}', b"[" * 9999, b"\xff"])
def test_what_is_damaged_is_as_if_it_were_not_there(folder, content):
    note(folder.path, ["x"], BEFORE)
    (folder.path / ".aigw" / "used.json").write_bytes(content)
    assert read(folder.path) is None
    note(folder.path, ["y"], LATER)
    assert read(folder.path).names == ["y"]


@pytest.mark.skipif(os.name != "posix", reason="links need rights elsewhere")
def test_a_link_is_not_followed(folder):
    outside = folder.path.parent / "outside"
    outside.mkdir()
    (folder.path / ".aigw").symlink_to(outside)
    with pytest.raises(OSError, match="symbolic link"):
        note(folder.path, ["x"], BEFORE)
    assert list(outside.iterdir()) == []
