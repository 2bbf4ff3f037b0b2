"""aigw/traffic/format/tree.py: a folder of recordings, and those in it."""

import pytest
from recorded_calls import chat_call, said, user, written

from aigw.traffic.format.folder import RecordingError
from aigw.traffic.format.tree import below, place_of


def call():
    return chat_call(user("Hi")), said("Hello")


def test_each_folder_with_recordings_is_found(tmp_path):
    for name in ("b/two", "a", ".hidden"):
        written(tmp_path / name, call())
    (tmp_path / "empty").mkdir()
    assert [place_of(folder, tmp_path) for folder in below(tmp_path)] == ["a/", "b/two/"]
    written(tmp_path, call())
    assert [place_of(folder, tmp_path) for folder in below(tmp_path)] == ["", "a/", "b/two/"]


def test_a_link_is_not_followed(tmp_path):
    written(tmp_path / "elsewhere", call())
    (tmp_path / "recs").mkdir()
    (tmp_path / "recs" / "link").symlink_to(tmp_path / "elsewhere")
    assert [folder.path for folder in below(tmp_path / "recs")] == [tmp_path / "recs"]


def test_a_folder_that_is_not_there(tmp_path):
    with pytest.raises(RecordingError, match=r"there is no folder .*none"):
        below(tmp_path / "none")
