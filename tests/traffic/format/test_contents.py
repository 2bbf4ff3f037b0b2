"""aigw/traffic/format/contents.py: the bytes of recordings, and what is wrong with those of others."""

import json

import msgspec
import pytest
from recorded_calls import chat_call, said, user, written

from aigw.traffic.format.contents import body_of, pieces_of
from aigw.traffic.format.folder import RecordingError
from aigw.traffic.format.recording import Blob, SentRequest, blob

NAME = "001-01-chat.json"
LARGE = bytes(range(256)) * 40


@pytest.fixture
def folder(tmp_path):
    """The answer of its recording is in a side file, in two pieces."""
    pieces = [(0.1, LARGE[:5000]), (0.2, LARGE[5000:])]
    return written(tmp_path / "recs", (chat_call(user("hi")), said("", pieces=pieces)))


def read(folder, **fields):
    """The pieces of the recording, whose file gets other fields before."""
    path = folder.path / NAME
    path.write_bytes(msgspec.json.encode(json.loads(path.read_bytes()) | fields))
    return pieces_of(folder.read(NAME), folder, NAME)


def side(folder, **fields):
    ((at, piece), *_) = json.loads((folder.path / NAME).read_bytes())["pieces"]
    return [at, {**piece, **fields}]


def test_an_answer_in_a_side_file(folder):
    assert read(folder) == [(100.0, LARGE[:5000]), (200.0, LARGE[5000:])]


def test_an_answer_of_texts_and_bytes(folder):
    assert read(folder, pieces=[[1, "ü"], [2, {"base64": "/w=="}]]) == [(1.0, "ü".encode()), (2.0, b"\xff")]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"size": 1}, "its side file has 10240 bytes, and its pieces 1"),
        ({"size": 10**12}, "its side file has 10240 bytes, and its pieces 1000000000000"),
        ({"sha256": "0" * 64}, "is not the file that was recorded"),
        ({"file": "../001-01-chat.answer.bin"}, "is no name of a side file"),
        ({"file": "/etc/passwd"}, "is no name of a side file"),
        ({"file": "none.bin"}, "cannot be read"),
    ],
)
def test_a_side_file_that_does_not_fit(folder, change, reason):
    with pytest.raises(RecordingError, match=reason):
        read(folder, pieces=[side(folder, **change)])


def test_an_answer_in_several_side_files(folder):
    other = {"file": "other.bin", "sha256": "0" * 64, "size": 1}
    with pytest.raises(
        RecordingError, match=rf"{NAME}: is damaged \(its answer is in several side files\); record it again"
    ):
        read(folder, pieces=[side(folder), [1, other]])


@pytest.mark.parametrize("base64", ["!", "A", "/w==\n", "ü"])
def test_bytes_that_are_no_base64(folder, base64):
    with pytest.raises(RecordingError, match=rf"{NAME}: is damaged \(.*\); record it again"):
        read(folder, pieces=[[1, {"base64": base64}]])


def test_bodies_of_requests(folder):
    def body(**fields):
        return body_of(SentRequest(method="POST", path="/", **fields), folder, NAME)

    assert body() == b""
    assert body(text="ü") == "ü".encode()
    assert body(json=msgspec.Raw(b'{"a": 1}')) == b'{"a": 1}'
    assert body(body=blob(b"\xff")) == b"\xff"
    aside = Blob(**side(folder)[1])
    assert body(body=aside) == LARGE
    with pytest.raises(RecordingError, match="is damaged"):
        body(body=Blob(base64="?"))
