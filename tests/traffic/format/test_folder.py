"""aigw/traffic/format/folder.py: files that are whole or not there, and nothing outside of the folder."""

import hashlib
import json
import os

import msgspec
import pytest
from recorded_calls import END, chat_call, delta, said, streamed, user, written

from aigw.traffic.format.folder import MAX_FILE, Folder, RecordingError
from aigw.traffic.format.recording import VERSION, Blob

HI = chat_call(user("hi"))


@pytest.fixture
def folder(tmp_path):
    return written(tmp_path / "recs", (HI, streamed(delta("yo"), *END)), (chat_call(user("ho")), said("there")))


def changed(folder, **fields):
    path = folder.path / "001-01-chat.json"
    path.write_bytes(msgspec.json.encode(json.loads(path.read_bytes()) | fields))


def test_what_is_written_is_read_again(folder):
    assert [entry.name for entry in folder.entries()] == ["001-01-chat.json", "002-01-chat.json"]
    recording = folder.read("001-01-chat.json")
    assert [piece for _, piece in recording.pieces] == [delta("yo").decode(), *(event.decode() for event in END)]
    assert (recording.answer.text, recording.answer.finish) == (["yo"], "stop")
    assert recording.answer.tokens == {"input": 3, "output": 2}


def test_each_event_has_a_line_of_its_own(folder):
    lines = (folder.path / "001-01-chat.json").read_text().splitlines()
    assert [line.strip()[:12] for line in lines if line.strip().startswith("[")] == [
        '[10.0,"data:',
        '[20.0,"data:',
        '[30.0,"data:',
    ]


def test_nothing_but_recordings_is_looked_at(folder):
    for name in ("notes.json", "001-01-chat.json.bak", ".001-09-chat.json.77", "x-1.json", "readme.md"):
        (folder.path / name).write_text("not a recording")
    assert len(folder.entries()) == 2


def test_they_are_in_the_order_of_numbers_and_not_of_letters(tmp_path):
    folder = written(tmp_path, *((chat_call(user(str(n))), said("x")) for n in range(3)))
    (tmp_path / "002-01-chat.json").rename(tmp_path / "1002-01-chat.json")
    assert [entry.session for entry in folder.entries()] == [1, 3, 1002]


def test_a_file_may_be_named_in_another_way(folder):
    (folder.path / "001-01-chat.json").rename(folder.path / "00001-1-my_chat.json")
    entry = folder.entries()[0]
    assert (entry.name, entry.session, entry.position) == ("00001-1-my_chat.json", 1, 1)


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b'{"aigw": "x"}', b"[" * 100_000, b'{"aigw": 1}', b"\xff\xfe", b"aigw: &a [*a]"]
)
def test_a_file_that_is_no_recording_is_named(folder, content):
    (folder.path / "001-01-chat.json").write_bytes(content)
    with pytest.raises(RecordingError, match=r"001-01-chat\.json: is no recording"):
        folder.entries()


def test_a_newer_format_is_refused_with_the_remedy(folder):
    changed(folder, aigw=VERSION + 1, new_field={})
    for read in (folder.entries, lambda: folder.read("001-01-chat.json")):
        with pytest.raises(RecordingError, match=f"has version {VERSION + 1} .* use the newer aigw"):
            read()


def test_a_folder_that_is_not_there_is_named(tmp_path):
    with pytest.raises(RecordingError, match="there is no folder"):
        Folder(tmp_path / "none").entries()


@pytest.mark.parametrize("name", ["../secret.bin", "/etc/passwd", "a/b.bin", "..", "x.json", "x.bin\n"])
def test_a_side_file_is_in_the_folder(folder, name):
    (folder.path.parent / "secret.bin").write_bytes(b"secret")
    with pytest.raises(RecordingError, match="is no name of a side file"):
        folder.side(Blob(file=name, sha256="0" * 64, size=6))


def test_a_side_file_is_what_was_recorded(folder):
    (folder.path / "001-01-chat.answer.bin").write_bytes(b"other")
    with pytest.raises(RecordingError, match="is not the file that was recorded"):
        folder.side(Blob(file="001-01-chat.answer.bin", sha256="0" * 64, size=5))


def test_a_side_file_is_read_although_git_has_changed_its_line_ends(folder):
    text = b"one\ntwo\n"
    (folder.path / "001-01-chat.answer.bin").write_bytes(text.replace(b"\n", b"\r\n"))
    blob = Blob(file="001-01-chat.answer.bin", sha256=hashlib.sha256(text).hexdigest(), size=len(text))
    assert folder.side(blob) == text


@pytest.mark.parametrize(
    "fields",
    [
        {"pieces": [[-1, "x"]]},
        {"pieces": [[1e300, "x"]]},
        {"pieces": [["1", "x"]]},
        {"pieces": [[1]]},
        {"pieces": [[1, {"file": "x.bin", "size": -1}]]},
        {"head": {"status": 99}},
        {"head": {"status": 10**30}},
        {"head": {"status": 200, "headers": {"x": "a\r\nset-cookie: b"}}},
        {"head": {"status": 200, "headers": {"x y": "a"}}},
        {"end": {"after": 1e12}},
        {"end": {"ended": "never"}},
        {"session": {"number": "x", "position": 1}},
        {"request": []},
    ],
    ids=str,
)
def test_values_that_no_gateway_writes(folder, fields):
    changed(folder, **fields)
    with pytest.raises(RecordingError, match=r"001-01-chat\.json: is no recording \(.*\); record it again"):
        folder.read("001-01-chat.json")


def test_a_file_that_is_too_large_is_not_read_whole(folder):
    os.truncate(folder.path / "001-01-chat.json", MAX_FILE + 1)
    with pytest.raises(
        RecordingError, match=r"001-01-chat\.json: is larger than 64 MiB, so nobody recorded it; remove it"
    ):
        folder.entries()


def test_a_folder_that_is_a_link_is_refused_with_a_remedy(folder):
    link = folder.path.parent / "link"
    link.symlink_to(folder.path)
    with pytest.raises(RecordingError, match=r"link is a symbolic link, .*; move it away, or use another folder$"):
        Folder(link).entries()


@pytest.mark.skipif(os.name != "posix", reason="links need rights elsewhere")
def test_a_link_is_not_followed(folder):
    outside = folder.path.parent / "outside.json"
    (folder.path / "001-01-chat.json").rename(outside)
    (folder.path / "001-01-chat.json").symlink_to(outside)
    with pytest.raises(RecordingError, match="symbolic link"):
        folder.entries()


def test_a_second_gateway_writes_beside_the_first(tmp_path):
    first, second = Folder(tmp_path), Folder(tmp_path)
    assert (first.claim("r0"), second.claim("r1")) == ("", "r1")
    first.release()
    assert Folder(tmp_path).claim("r2") == ""


def test_what_a_killed_process_wrote_in_part_is_removed_later(tmp_path):
    old, new = tmp_path / ".001-01-chat.json.123", tmp_path / ".r1-001-01-chat.answer.bin.124"
    other = tmp_path / ".gitignore.1"
    for file in (old, new, other):
        file.write_text("{")
    for file in (old, other):
        os.utime(file, (0, 0))
    Folder(tmp_path).claim("r1")
    assert sorted(tmp_path.iterdir()) == [other, new]


def test_a_recording_leaves_with_its_side_files(tmp_path):
    large = said("x" * 300_000)
    folder = written(tmp_path, (HI, large))
    assert {path.name for path in tmp_path.iterdir()} == {"001-01-chat.json", "001-01-chat.answer.bin"}
    folder.remove("001-01-chat.json")
    assert list(tmp_path.iterdir()) == []
